"""Paints a drawing as one SVG file that needs nothing else; light or dark as its viewer prefers."""

from html import escape

from auraos.cli.drawing.icons import COLOURS, ICONS
from auraos.cli.drawing.layout import Drawing, Measures, PlacedArrow, PlacedCard, lay_out
from auraos.cli.drawing.scene import Card, Scene
from auraos.cli.screen import clean, width

_MARGIN = 40
_RADIUS = 10
_CARD_WIDTH, _CARD_HEIGHT = 248, 68
_TITLE, _SMALL = 14, 12


def _label_width(label: str) -> int:
    return round(width(clean(label)) * 6.6) + 20 if label else 8


_MEASURES = Measures(
    card_width=lambda card: _CARD_WIDTH,  # noqa: ARG005 (every card of the house is as wide)
    card_height=_CARD_HEIGHT,
    label_width=_label_width,
    label_gap=8,
    label_room=28,
    between=40,
    layer_gap=48,
    lane=12,
    lanes_above=20,
    knot_width=16,
    frame_head=64,
    frame_pad=24,
    frame_foot=20,
    part_head=26,
)

_LIGHT = {
    "canvas": "#eef0f4",
    "dot": "#d9dde5",
    "card": "#ffffff",
    "edge": "#d3d8e2",
    "tile": "#eceff5",
    "text": "#14171f",
    "muted": "#525a6b",
    "link": "#858d9f",
    "port": "#ffffff",
    "pill": "#ffffff",
    "frame": "#f7f8fb",
    "frame-edge": "#c3cad8",
    "error": "#b3261e",
}
_DARK = {
    "canvas": "#0b0d12",
    "dot": "#1c212b",
    "card": "#171b23",
    "edge": "#333b49",
    "tile": "#262d39",
    "text": "#eef1f6",
    "muted": "#a3adbf",
    "link": "#7b8598",
    "port": "#171b23",
    "pill": "#1f2530",
    "frame": "#11151c",
    "frame-edge": "#3a4455",
    "error": "#ff8a80",
}


def lay_out_svg(scene: Scene) -> Drawing:
    """Return the drawing of a scene in pixels."""
    return lay_out(scene, _MEASURES)


def paint_svg(scene: Scene, title: str) -> str:
    """Return the drawing of a scene as the text of an SVG file."""
    drawing = lay_out_svg(scene)
    across, down = drawing.width + 2 * _MARGIN, drawing.height + 2 * _MARGIN
    body = _paint(drawing, _MARGIN, _MARGIN, depth=0)
    size = f'width="{across}" height="{down}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {down}" {size} role="img">',
        f"<title>{_text(title)}</title>",
        f"<style>{_style()}</style>",
        '<defs><pattern id="dots" width="24" height="24" patternUnits="userSpaceOnUse">',
        '<circle class="dot" cx="12" cy="12" r="1"/></pattern></defs>',
        f'<rect class="canvas" {size}/><rect fill="url(#dots)" {size}/>',
    ]
    return "\n".join([*head, *body, "</svg>"]) + "\n"


def _style() -> str:
    light = "".join(_rules(_LIGHT, 0))
    dark = "".join(_rules(_DARK, 1))
    return (
        "text{font-family:Inter,'DejaVu Sans','Segoe UI',system-ui,sans-serif}"
        f".title{{font-size:{_TITLE}px;font-weight:500}}.small{{font-size:{_SMALL}px}}.word{{font-size:11.5px;text-anchor:middle}}"
        ".part{font-size:11.5px;font-weight:500;letter-spacing:.04em}"
        ".link{fill:none;stroke-width:1.5}.link.error{stroke-dasharray:5 4}.off{stroke-dasharray:4 3}"
        ".icon{fill:none;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}"
        ".split{stroke-dasharray:2 4}"
        f"{light}@media (prefers-color-scheme:dark){{{dark}}}"
    )


def _rules(tone: dict[str, str], which: int) -> list[str]:
    rules = [
        f".canvas{{fill:{tone['canvas']}}}.dot{{fill:{tone['dot']}}}",
        f".card{{fill:{tone['card']};stroke:{tone['edge']}}}.tile{{fill:{tone['tile']}}}.tile.on-frame{{fill:{tone['card']}}}",
        f".frame{{fill:{tone['frame']};stroke:{tone['frame-edge']}}}.frame2{{fill:{tone['canvas']};stroke:{tone['frame-edge']}}}",
        f".split{{stroke:{tone['frame-edge']}}}",
        f".title{{fill:{tone['text']}}}.small,.word,.part{{fill:{tone['muted']}}}",
        f".link{{stroke:{tone['link']}}}.link.error{{stroke:{tone['error']}}}",
        f".port{{fill:{tone['port']};stroke:{tone['link']};stroke-width:1.5}}",
        f".pill{{fill:{tone['pill']};stroke:{tone['edge']}}}.word.error{{fill:{tone['error']}}}",
    ]
    rules += [f".{kind.value}{{stroke:{colours[which]}}}" for kind, colours in COLOURS.items()]
    return rules


def _paint(drawing: Drawing, x: int, y: int, *, depth: int) -> list[str]:
    painted = [_link(arrow, x, y) for arrow in drawing.arrows]
    for card in drawing.cards:
        painted += _card(card, x, y, depth)
    for card in drawing.cards:
        painted += _ports(card, x, y, is_entered=_is_entered(card, drawing))
    return painted


def _is_entered(card: PlacedCard, drawing: Drawing) -> bool:
    return any(arrow.points[-1] == (card.centre, card.y) for arrow in drawing.arrows)


def _card(placed: PlacedCard, x: int, y: int, depth: int) -> list[str]:
    card, left, top = placed.card, x + placed.x, y + placed.y
    shape = "card" if not placed.parts else "frame" if depth % 2 == 0 else "frame2"
    off = " off" if card.disabled else ""
    on_frame = " on-frame" if placed.parts else ""
    room = (placed.width if placed.parts else _CARD_WIDTH) - 72
    outline = f'x="{left}.5" y="{top}.5" width="{placed.width - 1}" height="{placed.height - 1}" rx="12"'
    place = f'transform="translate({left + 20} {top + 24})"'
    painted = [
        f"<g><title>{_text(card.path)}: {_text(card.subtitle)}</title>",
        f'<rect class="{shape}{off}" {outline}/>',
        f'<rect class="tile{on_frame}" x="{left + 12}" y="{top + 16}" width="36" height="36" rx="8"/>',
        f'<g class="icon {card.kind.value}" {place}>{ICONS[card.kind]}</g>',
        f'<text class="title" x="{left + 60}" y="{top + 30}">{_cut(card.title, room, _TITLE)}</text>',
        f'<text class="small" x="{left + 60}" y="{top + 49}">{_cut(_told(card), room, _SMALL)}</text></g>',
    ]
    for at, part in enumerate(placed.parts):
        if at:
            line = left + part.x - _MEASURES.frame_pad // 2
            painted.append(f'<path class="split" d="M{line} {top + 68}V{top + placed.height - 12}"/>')
        if part.label:
            painted.append(
                f'<text class="part" x="{left + part.x}" y="{top + part.y - 10}">{_text(part.label)}</text>'
            )
        painted += _paint(part.drawing, left + part.x, top + part.y, depth=depth + 1)
    return painted


def _told(card: Card) -> str:
    return f"{card.subtitle} · disabled" if card.disabled else card.subtitle


def _ports(placed: PlacedCard, x: int, y: int, *, is_entered: bool) -> list[str]:
    bottom = y + placed.y + placed.height
    painted = []
    if is_entered:
        painted.append(f'<circle class="port" cx="{x + placed.centre}" cy="{y + placed.y}" r="4.5"/>')
    for at, label in zip(placed.ports, placed.card.labels, strict=True):
        painted.append(f'<circle class="port" cx="{x + at}" cy="{bottom}" r="4.5"/>')
        if label:
            wide = _label_width(label)
            tone = " error" if label == "error" else ""
            pill = f'x="{x + at - wide / 2:g}" y="{bottom + 9}" width="{wide}" height="20" rx="10"'
            painted.append(f'<rect class="pill" {pill}/>')
            painted.append(f'<text class="word{tone}" x="{x + at}" y="{bottom + 23}">{_text(label)}</text>')
    return painted


def _link(arrow: PlacedArrow, x: int, y: int) -> str:
    points = [(x + across, y + down) for across, down in arrow.points]
    tone = " error" if arrow.port == "error" else ""
    return f'<path class="link{tone}" d="{_rounded(points)}"/>'


def _rounded(points: list[tuple[int, int]]) -> str:
    """Return the path through the corners, each of them rounded as far as its sides are long enough."""
    path = f"M{points[0][0]} {points[0][1]}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_RADIUS, _distance(before, corner) / 2, _distance(corner, after) / 2)
        enter, leave = _towards(corner, before, radius), _towards(corner, after, radius)
        path += f"L{enter[0]:g} {enter[1]:g}Q{corner[0]} {corner[1]} {leave[0]:g} {leave[1]:g}"
    return path + f"L{points[-1][0]} {points[-1][1]}"


def _distance(one: tuple[int, int], other: tuple[int, int]) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(start: tuple[int, int], goal: tuple[int, int], far: float) -> tuple[float, float]:
    whole = _distance(start, goal) or 1
    return start[0] + (goal[0] - start[0]) * far / whole, start[1] + (goal[1] - start[1]) * far / whole


def _cut(text: str, room: int, size: int) -> str:
    text = " ".join(clean(text).split())
    most = int(room / (size * 0.56))
    shown = text if width(text) <= most else text[: most - 1].rstrip() + "…"
    return _text(shown)


def _text(text: str) -> str:
    return escape(clean(text))
