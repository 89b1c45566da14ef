"""On which layer each card stands and in which order: the first half of a layered drawing.

A link over several layers is cut into pieces by knots, one on each layer between, so that it gets a lane
of its own and never runs through a card.
"""

from itertools import pairwise

import msgspec

from auraos.cli.drawing.scene import Scene


class Piece(msgspec.Struct, frozen=True):
    """A stretch of a link from one layer to the next: the port is -1 where it starts at a knot."""

    source: int
    port: int
    target: int
    arrow: int


class Layers(msgspec.Struct, frozen=True):
    """The nodes of each layer in order. Nodes below `cards` are the scene's cards, those above are knots."""

    cards: int
    rows: list[list[int]]
    pieces: list[Piece]


def layer(scene: Scene) -> Layers:
    """Return the layers of a scene with as few crossings as a few sweeps find."""
    ranks = _ranks(scene)
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for node, rank in enumerate(ranks):
        rows[rank].append(node)
    pieces: list[Piece] = []
    following = len(scene.cards)
    for number, arrow in enumerate(scene.arrows):
        first, last = ranks[arrow.source], ranks[arrow.target]
        source, port = arrow.source, arrow.port
        if first >= last:
            continue
        for rank in range(first + 1, last):
            rows[rank].append(following)
            pieces.append(Piece(source, port, following, number))
            source, port, following = following, -1, following + 1
        pieces.append(Piece(source, port, arrow.target, number))
    return Layers(len(scene.cards), _fewer_crossings(rows, pieces, scene), pieces)


def _ranks(scene: Scene) -> list[int]:
    """Return the layer of each card: one below the lowest before it. A circle is cut where it closes."""
    before: list[list[int]] = [[] for _ in scene.cards]
    for arrow in scene.arrows:
        before[arrow.target].append(arrow.source)
    ranks: list[int] = [-1] * len(scene.cards)
    for start in range(len(scene.cards)):
        open_: set[int] = set()
        stack = [start] if ranks[start] < 0 else []
        while stack:
            card = stack[-1]
            open_.add(card)
            waiting = [source for source in before[card] if ranks[source] < 0 and source not in open_]
            if waiting:
                stack.append(waiting[0])
                continue
            stack.pop()
            open_.discard(card)
            ranks[card] = max((ranks[source] for source in before[card] if source != card), default=-1) + 1
    return ranks


def _fewer_crossings(rows: list[list[int]], pieces: list[Piece], scene: Scene) -> list[list[int]]:
    down: dict[int, list[tuple[int, float]]] = {}
    up: dict[int, list[tuple[int, float]]] = {}
    for piece in pieces:
        ports = len(scene.cards[piece.source].ports) if piece.port >= 0 else 1
        shift = (max(piece.port, 0) + 1) / (ports + 1) - 0.5
        up.setdefault(piece.target, []).append((piece.source, shift))
        down.setdefault(piece.source, []).append((piece.target, 0.0))
    best, fewest = rows, _crossings(rows, up)
    current = rows
    for sweep in range(8):
        current = _swept(current, up if sweep % 2 == 0 else down, downwards=sweep % 2 == 0)
        crossings = _crossings(current, up)
        if crossings < fewest:
            best, fewest = current, crossings
        if fewest == 0:
            break
    return best


def _swept(
    rows: list[list[int]], neighbours: dict[int, list[tuple[int, float]]], *, downwards: bool
) -> list[list[int]]:
    swept = list(rows)
    order = range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1)
    for at in order:
        fixed = swept[at - 1 if downwards else at + 1]
        places = {node: place for place, node in enumerate(fixed)}
        wishes: dict[int, float] = {}
        for place, node in enumerate(swept[at]):
            seen = [places[other] + shift for other, shift in neighbours.get(node, ())]
            wishes[node] = sum(seen) / len(seen) if seen else float(place)
        swept[at] = sorted(swept[at], key=wishes.__getitem__)
    return swept


def _crossings(rows: list[list[int]], up: dict[int, list[tuple[int, float]]]) -> int:
    total = 0
    for upper, lower in pairwise(rows):
        places = {node: place for place, node in enumerate(upper)}
        ends = [sorted(places[other] + shift for other, shift in up.get(node, ())) for node in lower]
        seen: list[float] = []
        for starts in ends:
            total += sum(1 for start in starts for earlier in seen if earlier > start)
            seen += starts
    return total
