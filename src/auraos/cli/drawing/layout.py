"""Where everything stands: the second half of a layered drawing, for characters and for SVG alike."""

from collections.abc import Callable
from itertools import pairwise

import msgspec

from auraos.cli.drawing.columns import Shape, find_columns, nearest
from auraos.cli.drawing.lanes import Stretch, share_lanes
from auraos.cli.drawing.layers import Layers, Piece, layer
from auraos.cli.drawing.scene import Card, Scene


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """The sizes that a painter wants; whole numbers, in its own unit."""

    card_width: Callable[[Card], int]
    card_height: int
    label_width: Callable[[str], int]
    label_gap: int
    label_room: int
    between: int
    layer_gap: int
    lane: int
    lanes_above: int
    """How far above the next layer the lowest lane runs."""
    knot_width: int
    frame_head: int
    frame_pad: int
    frame_foot: int
    part_head: int


class PlacedPart(msgspec.Struct, frozen=True):
    """One part of a frame: its label, and its drawing at a place inside the frame's drawing."""

    label: str
    x: int
    y: int
    width: int
    height: int
    drawing: "Drawing"


class PlacedCard(msgspec.Struct, frozen=True):
    """A card at its place; `ports` are the x of the ways out, on its lower edge."""

    card: Card
    x: int
    y: int
    width: int
    height: int
    ports: tuple[int, ...]
    parts: tuple[PlacedPart, ...]

    @property
    def centre(self) -> int:
        """Return the x of the way in, on the upper edge."""
        return self.x + self.width // 2


class PlacedArrow(msgspec.Struct, frozen=True):
    """A link as corners from the port to the way in; `port` names it."""

    port: str
    points: tuple[tuple[int, int], ...]


class Drawing(msgspec.Struct, frozen=True):
    """A scene with places."""

    width: int
    height: int
    cards: tuple[PlacedCard, ...]
    arrows: tuple[PlacedArrow, ...]


def lay_out(scene: Scene, measures: Measures) -> Drawing:
    """Return the drawing of a scene."""
    layers = layer(scene)
    measured = [_measure(card, measures) for card in scene.cards]
    nodes, parts = [shape for shape, _ in measured], [inner for _, inner in measured]
    knots = sum(len(row) for row in layers.rows) - layers.cards
    nodes += [Shape(measures.knot_width, 0, (measures.knot_width // 2,))] * knots
    lefts = find_columns(layers, nodes, measures.between)
    return _assemble(scene, layers, nodes, parts, lefts, measures)


def _measure(card: Card, measures: Measures) -> tuple[Shape, tuple[PlacedPart, ...]]:
    widths = [measures.label_width(label) for label in card.labels]
    room = sum(widths) + measures.label_gap * (len(widths) + 1)
    width, height = max(measures.card_width(card), room), measures.card_height
    parts: tuple[PlacedPart, ...] = ()
    if card.parts:
        parts, inner_width, height = _measure_parts(card, measures)
        width = max(width, inner_width)
        shift = (width - inner_width) // 2
        parts = tuple(msgspec.structs.replace(part, x=part.x + shift) for part in parts)
    width += width % 2
    return Shape(width, height, _port_places(widths, width, measures.label_gap)), parts


def _measure_parts(card: Card, measures: Measures) -> tuple[tuple[PlacedPart, ...], int, int]:
    placed: list[PlacedPart] = []
    x = measures.frame_pad
    many = len(card.parts) > 1 or any(part.label for part in card.parts)
    top = measures.frame_head + (measures.part_head if many else 0)
    tallest = 0
    for part in card.parts:
        drawing = lay_out(part.scene, measures)
        width = max(drawing.width, measures.label_width(part.label))
        placed.append(PlacedPart(part.label, x, top, width, drawing.height, drawing))
        x += width + measures.frame_pad
        tallest = max(tallest, drawing.height)
    return tuple(placed), x, top + tallest + measures.frame_foot


def _port_places(widths: list[int], width: int, gap: int) -> tuple[int, ...]:
    """Return the x of each port: spread evenly, yet never so near that the labels touch."""
    if not widths:
        return ()
    even = [width * (at + 1) // (len(widths) + 1) for at in range(len(widths))]
    offsets = [0]
    for left, right in pairwise(widths):
        offsets.append(offsets[-1] + (left + right + 1) // 2 + gap)
    return tuple(nearest(even, [1.0] * len(widths), offsets))


def _assemble(
    scene: Scene,
    layers: Layers,
    nodes: list[Shape],
    parts: list[tuple[PlacedPart, ...]],
    lefts: list[int],
    measures: Measures,
) -> Drawing:
    row_of = {node: at for at, row in enumerate(layers.rows) for node in row}
    tops: list[int] = []
    corners: dict[Piece, tuple[tuple[int, int], ...]] = {}
    y = 0
    for at, row in enumerate(layers.rows):
        tops.append(y)
        height = max(nodes[node].height for node in row)
        pieces = [piece for piece in layers.pieces if row_of[piece.source] == at]
        labelled = any(any(scene.cards[node].labels) for node in row if node < layers.cards)
        stretches = [_stretch(piece, nodes, lefts) for piece in pieces]
        lanes = share_lanes(stretches)
        used = max(lanes, default=0)
        below = y + height
        y = below + measures.layer_gap + (measures.label_room if labelled else 0) + measures.lane * used
        for piece, stretch, lane in zip(pieces, stretches, lanes, strict=True):
            start = tops[at] + nodes[piece.source].height if piece.port >= 0 else tops[at]
            level = y - measures.lanes_above - measures.lane * (used - lane)
            corners[piece] = (
                (stretch.start, start),
                (stretch.start, level),
                (stretch.end, level),
                (stretch.end, y),
            )
    height = max((tops[row_of[node]] + nodes[node].height for node in range(layers.cards)), default=0)
    width = max((lefts[node] + nodes[node].width for node in range(len(nodes))), default=0)
    loose = _label_overhang(scene, layers, row_of, measures)
    cards = tuple(
        _placed(card, lefts[at], tops[row_of[at]], nodes[at], parts[at])
        for at, card in enumerate(scene.cards)
    )
    return Drawing(width, height + loose, cards, _arrows(scene, layers, corners))


def _label_overhang(scene: Scene, layers: Layers, row_of: dict[int, int], measures: Measures) -> int:
    last = len(layers.rows) - 1
    hangs = any(any(card.labels) for at, card in enumerate(scene.cards) if row_of[at] == last)
    return measures.label_room if hangs else 0


def _stretch(piece: Piece, nodes: list[Shape], lefts: list[int]) -> Stretch:
    start = lefts[piece.source] + nodes[piece.source].ports[max(piece.port, 0)]
    end = lefts[piece.target] + nodes[piece.target].width // 2
    return Stretch((piece.source, piece.port), piece.target, start, end)


def _placed(card: Card, x: int, y: int, shape: Shape, parts: tuple[PlacedPart, ...]) -> PlacedCard:
    return PlacedCard(card, x, y, shape.width, shape.height, tuple(x + port for port in shape.ports), parts)


def _arrows(
    scene: Scene, layers: Layers, corners: dict[Piece, tuple[tuple[int, int], ...]]
) -> tuple[PlacedArrow, ...]:
    paths: dict[int, list[tuple[int, int]]] = {}
    for piece in layers.pieces:
        paths.setdefault(piece.arrow, []).extend(corners[piece])
    return tuple(
        PlacedArrow(
            scene.cards[scene.arrows[number].source].ports[scene.arrows[number].port], _straightened(points)
        )
        for number, points in sorted(paths.items())
    )


def _straightened(points: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    kept: list[tuple[int, int]] = []
    for point in points:
        if kept and kept[-1] == point:
            continue
        if len(kept) > 1 and (
            kept[-2][0] == kept[-1][0] == point[0] or kept[-2][1] == kept[-1][1] == point[1]
        ):
            kept.pop()
        kept.append(point)
    return tuple(kept)
