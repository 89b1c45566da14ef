"""What stands in for steps that a trial does not carry out."""

import pytest

from auraos.app.installed import load_installed
from auraos.app.trials.part import Part, Pin
from auraos.core.document import read_document
from auraos.core.graph import read_workflow

TEXT = """kind: workflow
name: asks
spec:
  steps:
    fast: {type: flag, with: {flag: fast}}
    new: {type: noop}
    old: {type: noop}
  links: [fast.true -> new, fast.false -> old]
  output: 1
"""


@pytest.mark.parametrize(
    ("pin", "ports"),
    [
        (Pin(output={"value": True}), ("out", "true")),
        (Pin(output={"value": False}), ("out", "false")),
        (Pin(output={"value": False}, ports=("true",)), ("true",)),
        (Pin(), ("true", "false")),
    ],
)
def test_a_pinned_answer_of_a_flag_goes_on_where_it_leads(pin, ports):
    catalogue = load_installed().catalogue
    document, _ = read_document(TEXT, ("workflow",))
    workflow, _ = read_workflow(document, catalogue)
    (taken,) = Part(document, workflow, catalogue).pinned({"fast": pin}, {"fast", "new", "old"})
    assert taken.ports == ports
