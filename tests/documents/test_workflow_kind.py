"""The workflow kind says of a document what the checks say, and has a schema that its examples fit."""

import jsonschema_rs
import pytest

from auraos.app.installed import load_installed
from auraos.core.document import read_document
from auraos.core.errors import UnexpectedError
from auraos.core.graph import check_workflow
from auraos.core.kind import Kinds
from auraos.documents.kinds import KINDS, WORKFLOW

TEXT = "kind: workflow\nname: example\nspec:\n  steps: {a: {type: nop}}\n"


def test_the_kind_checks_as_check_workflow_does() -> None:
    document, _ = read_document(TEXT, KINDS)
    assert document is not None
    catalogue = load_installed().catalogue
    found = WORKFLOW.check(document, catalogue, None)
    assert found == check_workflow(document, catalogue)
    assert [problem.code for problem in found] == ["unknown-type"]


def test_the_schema_of_the_kind_tells_a_spec_from_another_mapping() -> None:
    validator = jsonschema_rs.validator_for(WORKFLOW.schema(load_installed().catalogue))
    assert validator.is_valid({"steps": {"a": {"type": "noop"}}})
    assert not validator.is_valid({"steps": {"a": {"type": "nop"}}})


def test_a_kind_is_registered_once() -> None:
    assert KINDS.find("workflow") is WORKFLOW
    with pytest.raises(UnexpectedError, match="registered twice"):
        Kinds([WORKFLOW, WORKFLOW])
