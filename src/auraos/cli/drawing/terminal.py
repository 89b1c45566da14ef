"""Paints a drawing with the box characters of a terminal."""

from itertools import pairwise

from auraos.cli.drawing.layout import Drawing, Measures, PlacedArrow, PlacedCard, lay_out
from auraos.cli.drawing.scene import Card, CardKind, Scene
from auraos.cli.screen import Screen, Tint, clean, fit, width

_UP, _RIGHT, _DOWN, _LEFT = 1, 2, 4, 8
_LINES = {
    _UP | _DOWN: "│",
    _LEFT | _RIGHT: "─",
    _DOWN | _RIGHT: "╭",
    _DOWN | _LEFT: "╮",
    _UP | _RIGHT: "╰",
    _UP | _LEFT: "╯",
    _UP | _DOWN | _RIGHT: "├",
    _UP | _DOWN | _LEFT: "┤",
    _LEFT | _RIGHT | _DOWN: "┬",
    _LEFT | _RIGHT | _UP: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
    _UP: "╵",
    _DOWN: "╷",
    _LEFT: "╴",
    _RIGHT: "╶",
}
_WIDEST = 44
_TINTS: dict[CardKind, Tint] = {
    CardKind.ACTION: "blue",
    CardKind.LOGIC: "magenta",
    CardKind.DATA: "cyan",
    CardKind.HUMAN: "red",
    CardKind.WAIT: "yellow",
    CardKind.LOOP: "magenta",
    CardKind.GUARD: "magenta",
    CardKind.CALL: "green",
    CardKind.END: "red",
}


def _card_width(card: Card) -> int:
    return max(14, min(_WIDEST, max(width(clean(card.title)), width(clean(card.subtitle))) + 4))


_MEASURES = Measures(
    card_width=_card_width,
    card_height=4,
    label_width=lambda label: width(clean(label)),
    label_gap=2,
    label_room=1,
    between=3,
    layer_gap=2,
    lane=1,
    lanes_above=2,
    knot_width=1,
    frame_head=3,
    frame_pad=2,
    frame_foot=1,
    part_head=1,
)


class _Canvas:
    """Cells of a terminal: letters, line pieces that join where they meet, and tints."""

    def __init__(self, columns: int, rows: int) -> None:
        self.letters = [[""] * columns for _ in range(rows)]
        self.lines = [[0] * columns for _ in range(rows)]
        self.tints: list[list[Tint | None]] = [[None] * columns for _ in range(rows)]

    def write(self, x: int, y: int, text: str, tint: Tint | None = None) -> None:
        for letter in text:
            cells = width(letter)
            if not cells:
                continue
            self.letters[y][x] = letter
            self.tints[y][x] = tint
            if cells == 2:
                self.letters[y][x + 1] = "\0"
            x += cells

    def join(self, x: int, y: int, sides: int, tint: Tint | None = None) -> None:
        self.lines[y][x] |= sides
        self.tints[y][x] = tint

    def across(self, y: int, left: int, right: int, tint: Tint | None = None) -> None:
        for x in range(left, right + 1):
            self.join(x, y, (_LEFT if x > left else 0) | (_RIGHT if x < right else 0), tint)

    def down(self, x: int, top: int, bottom: int, tint: Tint | None = None) -> None:
        for y in range(top, bottom + 1):
            self.join(x, y, (_UP if y > top else 0) | (_DOWN if y < bottom else 0), tint)

    def rows(self, screen: Screen) -> list[str]:
        """Return the lines of text, without spaces at their ends."""
        painted = []
        for letters, lines, tints in zip(self.letters, self.lines, self.tints, strict=True):
            cells = [letter or _LINES.get(line, " ") for letter, line in zip(letters, lines, strict=True)]
            last = max((at for at, cell in enumerate(cells) if cell not in (" ", "\0")), default=-1) + 1
            row = ""
            for cell, tint in zip(cells[:last], tints[:last], strict=True):
                if cell != "\0":
                    row += screen.tint(cell, tint) if tint and cell != " " else cell
            painted.append(row)
        return painted


def lay_out_terminal(scene: Scene) -> Drawing:
    """Return the drawing of a scene in cells."""
    return lay_out(scene, _MEASURES)


def paint_terminal(scene: Scene, screen: Screen) -> str:
    """Return the drawing of a scene in characters, coloured where the screen shows colours."""
    drawing = lay_out_terminal(scene)
    canvas = _Canvas(drawing.width + 1, drawing.height + 1)
    _paint(drawing, 0, 0, canvas)
    return "\n".join(canvas.rows(screen)).rstrip() + "\n"


def _paint(drawing: Drawing, x: int, y: int, canvas: _Canvas) -> None:
    for arrow in drawing.arrows:
        _paint_arrow(arrow, x, y, canvas)
    for card in drawing.cards:
        _paint_card(card, x, y, canvas)


def _paint_arrow(arrow: PlacedArrow, x: int, y: int, canvas: _Canvas) -> None:
    tint: Tint = "red" if arrow.port == "error" else "dim"
    points = [(x + across, y + down) for across, down in arrow.points]
    for (x1, y1), (x2, y2) in pairwise(points):
        if x1 == x2:
            canvas.down(x1, y1, y2, tint)
        else:
            canvas.across(y1, min(x1, x2), max(x1, x2), tint)
    canvas.join(*points[0], _UP, tint)
    end_x, end_y = points[-1]
    canvas.write(end_x, end_y - 1, "▼", tint)


def _paint_card(placed: PlacedCard, x: int, y: int, canvas: _Canvas) -> None:
    left, top = x + placed.x, y + placed.y
    right, bottom = left + placed.width - 1, top + placed.height - 1
    tint = _TINTS[placed.card.kind]
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            canvas.lines[row][column] = 0
    canvas.across(top, left, right, tint)
    canvas.across(bottom, left, right, tint)
    canvas.down(left, top, bottom, tint)
    canvas.down(right, top, bottom, tint)
    title = placed.card.title + (" (disabled)" if placed.card.disabled else "")
    canvas.write(left + 2, top + 1, fit(title, placed.width - 4), "bold")
    canvas.write(left + 2, top + 2, fit(placed.card.subtitle, placed.width - 4), "dim")
    for part in placed.parts:
        if part.label:
            canvas.write(left + part.x, top + part.y - 1, fit(part.label, part.width), tint)
        _paint(part.drawing, left + part.x, top + part.y, canvas)
    for at, label in zip(placed.ports, placed.card.labels, strict=True):
        canvas.join(x + at, bottom, _DOWN, tint)
        if label:
            text = clean(label)
            canvas.write(x + at - width(text) // 2, bottom + 1, text, "red" if label == "error" else None)
