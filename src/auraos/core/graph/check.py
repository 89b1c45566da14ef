"""Checks workflows before anything runs: all problems at once, each with its place and, where there is one, its mend."""

from collections.abc import Collection

from auraos.core.catalogue import Catalogue
from auraos.core.document import Document, read_document
from auraos.core.graph.check_calls import FindWorkflow, check_calls
from auraos.core.graph.check_conditions import check_conditions
from auraos.core.graph.check_containers import check_containers
from auraos.core.graph.check_defaults import check_defaults
from auraos.core.graph.check_flags import FindFlag, check_flags
from auraos.core.graph.check_links import check_links, check_starts
from auraos.core.graph.check_policy import check_policies
from auraos.core.graph.check_privacy import check_privacy
from auraos.core.graph.check_reads import check_reads
from auraos.core.graph.check_secrets import check_secrets
from auraos.core.graph.check_settings import check_settings, check_size, check_variables
from auraos.core.graph.check_tests import check_tests
from auraos.core.graph.findings import Findings
from auraos.core.graph.read import read_tree
from auraos.core.graph.types import Types
from auraos.core.graph.uses import collect_uses
from auraos.core.graph.views import WorkflowView
from auraos.core.problems import Problem
from auraos.core.workflow import Workflow


def read_workflow(document: Document, catalogue: Catalogue) -> tuple[Workflow | None, list[Problem]]:
    """Return the workflow of a document, None if reading it found an error, and all that reading found."""
    findings = Findings(document.tree, document.text)
    reading = read_tree(document.tree, catalogue, findings)
    return (None if findings.has_errors else reading.workflow), findings.problems


def read_roughly(document: Document, catalogue: Catalogue) -> Workflow:
    """Return the workflow of a document as far as it can be read."""
    return read_tree(document.tree, catalogue, Findings(document.tree, document.text)).workflow


def check_workflow(
    document: Document,
    catalogue: Catalogue,
    *,
    others: FindWorkflow | None = None,
    secrets: Collection[str] | None = None,
    flags: FindFlag | None = None,
    numbered: bool = False,
) -> list[Problem]:
    """Return all that is wrong with a workflow, in the order of the text.

    `others` finds called workflows by name, `flags` the types of feature flags, and `secrets` holds the names of those that
    exist; where one is None nobody can know, and nothing is said of them. Where versions are `numbered`, as in a store,
    `others` is given `invoice@3` too, and `flags` knows all there are. No input of any shape makes this raise. Of a workflow
    with too many steps no more is said than that, and what reading it found.
    """
    findings = Findings(document.tree, document.text)
    view = WorkflowView(read_tree(document.tree, catalogue, findings), catalogue, findings)
    if check_size(view):
        return in_order(findings.problems)
    uses = collect_uses(view)
    check_links(view)
    types = Types(view, uses)
    check_conditions(view, uses, types)
    check_starts(view)
    check_reads(view, uses)
    types.check()
    check_settings(view, types.check_whole)
    check_variables(view, uses)
    check_defaults(view)
    check_containers(view, uses)
    check_policies(view, uses)
    check_privacy(view)
    check_secrets(view, secrets)
    check_flags(view, flags, are_all=numbered)
    check_calls(view, others, types.check_whole, numbered=numbered)
    check_tests(view)
    return in_order(findings.problems)


def check_text(
    text: str,
    catalogue: Catalogue,
    *,
    others: FindWorkflow | None = None,
    secrets: Collection[str] | None = None,
    flags: FindFlag | None = None,
) -> list[Problem]:
    """Return all that is wrong with the text of a workflow: as YAML, as a document, and as a workflow."""
    document, problems = read_document(text, ("workflow",))
    if document is None:
        return in_order(problems)
    known = {(problem.code, problem.path) for problem in problems}
    found = check_workflow(document, catalogue, others=others, secrets=secrets, flags=flags)
    return in_order([*problems, *(problem for problem in found if (problem.code, problem.path) not in known)])


def in_order(problems: list[Problem]) -> list[Problem]:
    """Return problems in the order in which they stand in the text."""
    return sorted(problems, key=lambda problem: problem.place.start if problem.place else -1)
