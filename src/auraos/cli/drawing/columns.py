"""The columns of a layered drawing: each node near to what it is linked to, long links straight."""

import math

import msgspec

from auraos.cli.drawing.layers import Layers, Piece


class Shape(msgspec.Struct, frozen=True):
    """The size of a card or knot, and the distance of each of its ports from its left edge."""

    width: int
    height: int
    ports: tuple[int, ...]


def find_columns(layers: Layers, nodes: list[Shape], between: int) -> list[int]:
    """Return the left edge of every node: each row drawn towards its neighbours, up and down in turn."""
    lefts = [0] * len(nodes)
    for row in layers.rows:
        for node, offset in zip(row, _offsets(row, nodes, between), strict=True):
            lefts[node] = offset
    for sweep in range(9):
        _sweep(layers, nodes, lefts, between, downwards=sweep % 2 == 0, knot_weight=4.0)
    for sweep in range(5):
        _straighten_chains(layers, nodes, lefts, between)
        _sweep(layers, nodes, lefts, between, downwards=sweep % 2 == 0, knot_weight=1e6)
    shift = min(lefts, default=0)
    return [left - shift for left in lefts]


def _sweep(
    layers: Layers, nodes: list[Shape], lefts: list[int], between: int, *, downwards: bool, knot_weight: float
) -> None:
    above: dict[int, list[Piece]] = {}
    below: dict[int, list[Piece]] = {}
    for piece in layers.pieces:
        above.setdefault(piece.target, []).append(piece)
        below.setdefault(piece.source, []).append(piece)
    first, second = (above, below) if downwards else (below, above)
    for row in layers.rows if downwards else layers.rows[::-1]:
        keeps = knot_weight > 1000
        wished = [
            lefts[at]
            if keeps and at >= layers.cards
            else _wish(at, lefts, nodes, first.get(at) or second.get(at))
            for at in row
        ]
        weights = [knot_weight if node >= layers.cards else 1.0 for node in row]
        for node, place in zip(row, nearest(wished, weights, _offsets(row, nodes, between)), strict=True):
            lefts[node] = place


def _straighten_chains(layers: Layers, nodes: list[Shape], lefts: list[int], between: int) -> None:
    """Bring the knots of each long link into one column where their neighbours leave room for it."""
    row_of = {node: row for row in layers.rows for node in row}
    next_knot = {
        piece.source: piece.target
        for piece in layers.pieces
        if layers.cards <= min(piece.source, piece.target)
    }
    starts = [node for node in range(layers.cards, len(nodes)) if node not in next_knot.values()]
    for start in starts:
        chain, room = [start], _room(start, row_of[start], nodes, lefts, between)
        while chain[-1] in next_knot:
            following = next_knot[chain[-1]]
            free = _room(following, row_of[following], nodes, lefts, between)
            narrowed = (max(room[0], free[0]), min(room[1], free[1]))
            if narrowed[0] > narrowed[1]:
                _align(chain, room, lefts)
                chain, room = [following], free
            else:
                chain, room = [*chain, following], narrowed
        _align(chain, room, lefts)


def _room(
    node: int, row: list[int], nodes: list[Shape], lefts: list[int], between: int
) -> tuple[float, float]:
    at = row.index(node)
    low = lefts[row[at - 1]] + nodes[row[at - 1]].width + between if at else -math.inf
    high = lefts[row[at + 1]] - between - nodes[node].width if at + 1 < len(row) else math.inf
    return low, high


def _align(chain: list[int], room: tuple[float, float], lefts: list[int]) -> None:
    middle = sorted(lefts[node] for node in chain)[len(chain) // 2]
    place = int(min(max(middle, room[0]), room[1]))
    for node in chain:
        lefts[node] = place


def _offsets(row: list[int], nodes: list[Shape], between: int) -> list[int]:
    """Return how far each node of a row is at least from the first one."""
    offsets = [0] * len(row)
    for at in range(1, len(row)):
        offsets[at] = offsets[at - 1] + nodes[row[at - 1]].width + between
    return offsets


def nearest(wishes: list[int], weights: list[float], offsets: list[int]) -> list[int]:
    """Return the places nearest to the wishes that keep the order and the distances of `offsets`."""
    blocks: list[tuple[float, float, int]] = []
    for wish, weight, offset in zip(wishes, weights, offsets, strict=True):
        total, mass, count = (wish - offset) * weight, weight, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / mass:
            earlier = blocks.pop()
            total, mass, count = total + earlier[0], mass + earlier[1], count + earlier[2]
        blocks.append((total, mass, count))
    places = [round(total / mass) for total, mass, count in blocks for _ in range(count)]
    return [place + offset for place, offset in zip(places, offsets, strict=True)]


def _wish(node: int, lefts: list[int], nodes: list[Shape], pulls: list[Piece] | None) -> int:
    """Return where a node would like its left edge: straight below (or above) what it is linked to."""
    if not pulls:
        return lefts[node]
    wishes = []
    for piece in pulls:
        port = nodes[piece.source].ports[max(piece.port, 0)]
        middle = nodes[piece.target].width // 2
        if piece.target == node:
            wishes.append(lefts[piece.source] + port - middle)
        else:
            wishes.append(lefts[piece.target] + middle - port)
    return round(sum(wishes) / len(wishes))
