"""A step whose output came from the cache is shown as one, wherever a run is shown."""

import io

import msgspec

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.cli.progress import Progress, show_row
from auraos.cli.runs.facts import fact_words
from auraos.cli.runs.timeline import show_view, view_document
from auraos.cli.screen import Screen
from auraos.core.run import compile_workflow, view
from auraos.core.run.facts import StepSucceeded
from auraos.core.workflow import TestCase
from auraos.engine.trial import World

CATALOGUE = load_installed().catalogue
SPEC = """kind: workflow
name: shown
spec:
  steps:
    rate: {type: http.request, with: {url: "https://a.example"}, cache: {ttl: 5m}}
    fresh: {type: http.request, with: {url: "https://b.example"}, cache: {ttl: 5m}}
  links: [rate -> fresh]
  output: null
"""


def played():
    """Play a run whose first step has its output from the cache; return its program and its facts."""
    definitions = FolderDefinitions(None, CATALOGUE)
    definitions.add(SPEC)
    workflow = definitions.find_workflow("shown")
    case = TestCase(name="x", mocks={"rate": {"n": 1}, "fresh": {"n": 2}})
    world = World(case, workflow, CATALOGUE, find_workflow=lambda _: None)
    world.play()
    facts = [
        msgspec.structs.replace(fact, cached=True)
        if isinstance(fact, StepSucceeded) and fact.path == "rate"
        else fact
        for fact in world.facts
    ]
    return compile_workflow(workflow, CATALOGUE), facts


def lines_with(path, text):
    return [line for line in text.splitlines() if f" {path} " in line]


def test_the_bars_of_a_run_say_it():
    program, facts = played()
    stream = io.StringIO()
    show_view(Screen(stream), view(program, facts), now=facts[-1].at)
    (rate,), (fresh,) = (lines_with(path, stream.getvalue()) for path in ("rate", "fresh"))
    assert rate.endswith("from the cache")
    assert "cache" not in fresh


def test_the_json_output_says_it():
    program, facts = played()
    steps = {step["path"]: step["cached"] for step in view_document(view(program, facts))["steps"]}
    assert steps == {"rate": True, "fresh": False}


def test_the_journal_says_it():
    _, facts = played()
    words = [fact_words(fact) for fact in facts if isinstance(fact, StepSucceeded)]
    assert [("from the cache" in told) for told in words] == [True, False]


def test_a_run_that_is_followed_says_it():
    program, facts = played()
    stream = io.StringIO()
    screen = Screen(stream)
    progress = Progress(program, lambda row, at: show_row(screen, row, at))
    for fact in facts:
        progress.note_fact(fact)
    rate = lines_with("rate", stream.getvalue())
    assert rate
    assert rate[-1].rstrip().endswith("from the cache")
