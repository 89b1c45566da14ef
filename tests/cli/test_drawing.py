"""Drawings: cards never lie on each other, links never run through cards, and both painters draw everything."""

import io
import random
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from auraos.app.installed import load_installed
from auraos.cli.drawing.scene import Arrow, Card, CardKind, Part, Scene, scene_of
from auraos.cli.drawing.svg import lay_out_svg, paint_svg
from auraos.cli.drawing.terminal import lay_out_terminal, paint_terminal
from auraos.cli.screen import Screen
from auraos.core.document import read_document
from auraos.core.graph import read_workflow

CATALOGUE = load_installed().catalogue
PLAIN = Screen(io.StringIO())
CHOICE = """kind: workflow
name: drawn
spec:
  steps:
    size: {type: switch, with: {cases: {large: "{{ input > 3 }}"}}}
    ask: {type: human.approve, title: Ask the boss, with: {title: x}}
    go: {type: noop, join: any}
  links: [size.large -> ask, size.else -> go, ask.approved -> go]
"""
LOOP = """kind: workflow
name: drawn
spec:
  steps:
    each: {type: foreach, with: {items: [1], parallel: 4}, steps: {one: {type: noop}, two: {type: noop}}, links: [one -> two]}
    guard: {type: try, steps: {risky: {type: noop}}, catch: {steps: {tell: {type: noop}}}}
    sorry: {type: fail, with: {message: no}}
  links: [each -> guard, guard.error -> sorry]
"""


def scene(text):
    document, _ = read_document(text)
    workflow, problems = read_workflow(document, CATALOGUE)
    assert workflow, problems
    return scene_of(workflow, CATALOGUE)


def random_scene(seed, depth=0):
    chance = random.Random(seed)
    count = chance.randint(1, 12)
    arrows = []
    ports = [chance.randint(1, 3) for _ in range(count)]
    for target in range(1, count):
        sources = chance.sample(range(target), min(target, chance.randint(0, 3)))
        arrows += [Arrow(source, chance.randrange(ports[source]), target) for source in sources]
    cards = []
    for at in range(count):
        parts = (
            (Part("part", random_scene(seed * 31 + at, depth + 1)),)
            if depth < 2 and chance.random() < 0.2
            else ()
        )
        names = tuple(["out", "quite_a_long_port", "error"][: ports[at]])
        cards.append(
            Card(
                path=f"s{at}",
                title=f"step {at}",
                subtitle="noop",
                kind=CardKind.DATA,
                ports=names,
                parts=parts,
            )
        )
    return Scene(tuple(cards), tuple(dict.fromkeys(arrows)))


def overlaps(one, other):
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height


def runs_through(card, points):
    stretches = pairwise(points)
    return any(
        min(x1, x2) < card.x + card.width
        and card.x < max(x1, x2) + 1
        and min(y1, y2) < card.y + card.height
        and card.y < max(y1, y2)
        for (x1, y1), (x2, y2) in stretches
    )


def faults(drawing):
    found = [
        (one.card.path, other.card.path)
        for at, one in enumerate(drawing.cards)
        for other in drawing.cards[at + 1 :]
        if overlaps(one, other)
    ]
    found += [
        (card.card.path, arrow)
        for card in drawing.cards
        for arrow in drawing.arrows
        if runs_through(card, arrow.points)
    ]
    found += [
        (card.card.path, "outside")
        for card in drawing.cards
        if card.x < 0 or card.x + card.width > drawing.width
    ]
    return found + [fault for card in drawing.cards for part in card.parts for fault in faults(part.drawing)]


@pytest.mark.parametrize("lay_out", [lay_out_svg, lay_out_terminal], ids=["svg", "terminal"])
def test_no_card_lies_on_another_and_no_link_runs_through_one(lay_out):
    assert [(seed, found) for seed in range(150) if (found := faults(lay_out(random_scene(seed))))] == []


def test_every_link_begins_at_a_port_and_ends_at_the_middle_of_its_target():
    drawing = lay_out_svg(random_scene(7))
    ends = {(card.centre, card.y) for card in drawing.cards}
    begins = {(port, card.y + card.height) for card in drawing.cards for port in card.ports}
    assert [
        arrow for arrow in drawing.arrows if arrow.points[0] not in begins or arrow.points[-1] not in ends
    ] == []


def test_a_drawing_is_the_same_every_time():
    assert paint_svg(random_scene(3), "x") == paint_svg(random_scene(3), "x")


CHOICE_DRAWN = """\
       ╭──────────────╮
       │ size         │
       │ switch       │
       ╰───┬──────┬───╯
         large  else
         ╭─╯      ╰──╮
         ▼           │
╭────────────────╮   │
│ Ask the boss   │   │
│ human.approve  │   │
╰────────┬───────╯   │
     approved        │
         ╰─────┬─────╯
               ▼
     ╭──────────────────╮
     │ go               │
     │ noop · join any  │
     ╰──────────────────╯
"""


def test_in_the_terminal_a_choice_looks_like_this():
    assert paint_terminal(scene(CHOICE), PLAIN) == CHOICE_DRAWN


def test_in_the_terminal_steps_ports_and_frames_are_named():
    painted = paint_terminal(scene(LOOP), PLAIN)
    words = ("foreach · 4 at a time", "one", "two", "guard", "catch", "tell", "error", "sorry")
    assert [word for word in words if word not in painted] == []


def test_the_svg_is_well_formed_and_names_steps_and_ports():
    root = ET.fromstring(paint_svg(scene(CHOICE), "A <choice> & more"))
    texts = [element.text for element in root.iter() if element.tag.endswith(("text", "title"))]
    assert [
        word
        for word in ("A <choice> & more", "Ask the boss", "large", "approved", "human.approve")
        if word not in texts
    ] == []


def test_a_card_says_how_large_the_batches_are_and_that_the_step_collects():
    text = """kind: workflow
name: drawn
spec:
  steps:
    each: {type: foreach, with: {items: [1], batch: 50, parallel: 4}, steps: {one: {type: noop}}}
    sum: {type: noop, join: collect}
  links: [each -> sum]
"""
    drawn = scene(text)
    assert [card.subtitle for card in drawn.cards] == [
        "foreach · batches of 50 · 4 at a time",
        "noop · join collect",
    ]


def test_a_circle_of_links_is_drawn_all_the_same():
    cards = tuple(
        Card(path=name, title=name, subtitle="", kind=CardKind.LOGIC, ports=("out",)) for name in "abc"
    )
    circle = Scene(cards, (Arrow(0, 0, 1), Arrow(1, 0, 2), Arrow(2, 0, 0)))
    assert [name for name in "abc" if f"│ {name}" not in paint_terminal(circle, PLAIN)] == []


def test_titles_from_a_file_cannot_steer_the_terminal_or_break_the_svg():
    hostile = Card(path="a", title="\x1b[2J<script>", subtitle="x\x07", kind=CardKind.DATA)
    alone = Scene((hostile,), ())
    assert "\x1b" not in paint_terminal(alone, PLAIN)
    assert "<script>" not in paint_svg(alone, "\x1b]0;x\x07")
