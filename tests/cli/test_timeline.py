"""The steps of a run as bars: what goes on reaches up to now and says whether it runs or waits; a fallback is called so."""

import io

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.cli.progress import Progress, show_row
from auraos.cli.runs.timeline import show_view, view_document
from auraos.cli.screen import Screen
from auraos.core.run import compile_workflow, view
from auraos.core.workflow import TestCase
from auraos.engine.trial import World

CATALOGUE = load_installed().catalogue
SPEC = """kind: workflow
name: shown
spec:
  steps:
    ask: {type: human.approve, with: {title: May we?}}
    rate: {type: http.request, with: {url: "https://a.example"}, fallback: 1}
    weight: {type: transform, with: {set: {kilos: "{{ 1 / run.number * 0 + 1 / 0.0 }}"}}, fallback: 2}
  output: null
"""
BROKEN = {"$fail": {"class": "permanent", "code": "closed", "message": "closed for lunch"}}


def played():
    """Play a run whose question nobody answers; return its program and its facts up to there."""
    definitions = FolderDefinitions(None, CATALOGUE)
    definitions.add(SPEC)
    workflow = definitions.find_workflow("shown")
    world = World(
        TestCase(name="x", mocks={"rate": BROKEN}), workflow, CATALOGUE, find_workflow=lambda _: None
    )
    world.play()
    return compile_workflow(workflow, CATALOGUE), world.facts


def bars(later):
    """Return the lines of the steps, by path, this many seconds after the last fact."""
    program, facts = played()
    stream = io.StringIO()
    show_view(Screen(stream), view(program, facts), now=facts[-1].at + later * 1_000_000)
    lines = [line.split() for line in stream.getvalue().splitlines()]
    return {
        words[1]: " ".join([words[0], *(word for word in words[2:] if "━" not in word)]) for words in lines
    }


def test_a_step_that_waits_is_shown_as_waiting_for_so_long():
    assert bars(later=90)["ask"] == "⧗ 1m 30s"


def test_a_step_that_gave_its_fallback_says_so_and_what_for():
    assert bars(later=0)["rate"].endswith("by its fallback, for permanent/closed: closed for lunch")
    assert "by its fallback, for data/division-by-zero" in bars(later=0)["weight"]


def test_the_json_output_tells_a_fallback_from_a_success():
    program, facts = played()
    steps = {step["path"]: step for step in view_document(view(program, facts))["steps"]}
    told = [
        (path, steps[path]["how"], steps[path]["by_fallback"], steps[path]["output"])
        for path in ("rate", "weight")
    ]
    assert told == [("rate", "succeeded", True, 1), ("weight", "succeeded", True, 2)]


def test_a_fallback_is_told_while_the_run_goes_on():
    program, facts = played()
    stream = io.StringIO()
    progress = Progress(program, lambda row, at: show_row(Screen(stream), row, at))
    for fact in facts:
        progress.note_fact(fact)
    assert "✓ rate  by its fallback, for permanent/closed: closed for lunch" in stream.getvalue()
