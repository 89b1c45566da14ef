"""Reading the `tests` of a document: cases, and all that is wrong with how they are written."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import msgspec

from auraos.core.document import Document
from auraos.core.errors import UserError
from auraos.core.expressions import find_expressions
from auraos.core.problems import Path, Problem
from auraos.core.run import static_path
from auraos.core.values import parse_datetime, type_name
from auraos.core.workflow import Scope, TestCase, Workflow
from auraos.engine.trial.expectations import FIELDS, ORDERS
from auraos.engine.trial.mocks import WORDS, is_spec

CASE_FIELDS = tuple(field for field in TestCase.__struct_fields__)
_MAPPINGS = ("variables", "mocks", "answers", "expect")
_LISTS = ("signals", "events", "control")
_ENTRY_FIELDS = {
    "signals": ("name", "key", "data", "id", "by", "at"),
    "events": None,
    "control": ("do", "at", "variables", "undo", "force"),
}
_ENTRY_NEEDS = {"signals": "name", "events": "type", "control": "do"}
_EXPECTED_STEPS = ("ran", "not_run")


class PlacedCase(msgspec.Struct, frozen=True):
    """A case and the number of its entry in the document."""

    case: TestCase
    number: int


def read_cases(document: Document, workflow: Workflow | None) -> tuple[list[PlacedCase], list[Problem]]:
    """Return the cases that can be read, and every problem. The steps they name are checked against the workflow."""
    reader = _Reader(document, workflow)
    cases = [case for number, written in enumerate(document.tests) if (case := reader.read(number, written))]
    reader.refuse_doubles()
    return cases, reader.problems


class _Reader:
    def __init__(self, document: Document, workflow: Workflow | None) -> None:
        self.tree = document.tree
        self.workflow = workflow
        self.steps = set(_paths(workflow.scope, "")) if workflow else None
        self.called = set(_calls(workflow.scope, "")) if workflow else set()
        self.problems: list[Problem] = []
        self.names: dict[str, int] = {}

    def note(self, code: str, path: Path, message: str, *, hint: str = "", key: bool = False) -> None:
        place = self.tree.place(path, key)
        self.problems.append(Problem(code=code, message=message, path=path, place=place, hint=hint))

    def read(self, number: int, written: Any) -> PlacedCase | None:
        path: Path = ("tests", number)
        if not isinstance(written, dict):
            self.note("wrong-type", path, f"A test case is a mapping, not {type_name(written)}.")
            return None
        before = len(self.problems)
        self._refuse_unknown(written, CASE_FIELDS, path, "A test case")
        name = written.get("name")
        if not isinstance(name, str) or not name:
            hint = "Say what it shows, as a sentence: `name: a small order needs nobody`."
            self.note("missing-field", path, "A test case needs a `name`.", hint=hint)
        else:
            self.names.setdefault(name, number)
        for field in _MAPPINGS:
            self._need(written, field, dict, "a mapping", path)
        for field in _LISTS:
            if self._need(written, field, list, "a list", path):
                self._read_entries(field, written[field], path)
        if self._need(written, "order", list, "a list of steps", path):
            self._read_steps(written["order"], (*path, "order"))
        if len(self.problems) == before:
            self._read_mocks(written.get("mocks", {}), (*path, "mocks"))
            self._read_expect(written.get("expect", {}), (*path, "expect"))
            for step in written.get("answers", {}):
                self._read_step(step, (*path, "answers", step), key=True)
        at = self._read_at(written, path)
        if len(self.problems) > before:
            return None
        fields = {
            key: tuple(value) if isinstance(value, list) and key != "input" else value
            for key, value in written.items()
        }
        return PlacedCase(TestCase(**{**fields, "at": at}), number)

    def refuse_doubles(self) -> None:
        """Note the cases whose name another one has: a name is how a person asks for one case."""
        tests = self.tree.child("tests")
        for number, node in enumerate(tests.items if tests else ()):
            name = node.value.get("name") if isinstance(node.value, dict) else None
            if isinstance(name, str) and self.names.get(name, number) != number:
                self.note(
                    "duplicate-test", ("tests", number, "name"), f"There is another test case named {name!r}."
                )

    def _need(self, written: dict[str, Any], field: str, kind: type, words: str, path: Path) -> bool:
        if field not in written:
            return False
        if isinstance(written[field], kind):
            return True
        self.note(
            "wrong-type", (*path, field), f"{field!r} must be {words}, not {type_name(written[field])}."
        )
        return False

    def _read_entries(self, field: str, entries: list[Any], path: Path) -> None:
        for at, entry in enumerate(entries):
            here = (*path, field, at)
            if not isinstance(entry, dict):
                self.note("wrong-type", here, f"An entry of {field!r} is a mapping, not {type_name(entry)}.")
                continue
            known = _ENTRY_FIELDS[field]
            if known is not None:
                self._refuse_unknown(entry, known, here, f"An entry of {field!r}")
            need = _ENTRY_NEEDS[field]
            if not isinstance(entry.get(need), str):
                self.note("missing-field", here, f"An entry of {field!r} needs a `{need}`.")

    def _read_mocks(self, mocks: dict[str, Any], path: Path) -> None:
        for step, written in mocks.items():
            self._read_step(step, (*path, step), key=True)
            for error in find_expressions(written)[1]:
                place = (*path, step, *error.path)
                self.note("bad-expression", place, str(error.error))
            if is_spec(written):
                self._refuse_unknown(written, WORDS, (*path, step), "An outcome")

    def _read_expect(self, expect: dict[str, Any], path: Path) -> None:
        self._refuse_unknown(expect, FIELDS, path, "'expect'")
        written = expect.get("path")
        if isinstance(written, dict):
            self._refuse_unknown(written, ORDERS, (*path, "path"), "A path")
        elif isinstance(written, list):
            self._read_steps(written, (*path, "path"))
        for field in _EXPECTED_STEPS:
            if isinstance(expect.get(field), list):
                self._read_steps(expect[field], (*path, field))
        for field in ("steps", "sent", "calls"):
            for step in expect.get(field) or ():
                self._read_step(step, (*path, field, step), key=True)

    def _read_steps(self, names: list[Any], path: Path) -> None:
        for at, name in enumerate(names):
            self._read_step(name, (*path, at))

    def _read_step(self, name: Any, path: Path, *, key: bool = False) -> None:
        if self.steps is None:
            return
        bare = static_path(str(name))
        if (
            bare in self.steps
            or bare.partition("/")[0] == "on_failure"
            or any(bare.startswith(f"{called}/") for called in self.called)
        ):
            return
        hint = f"Did you mean {near[0]!r}?" if (near := get_close_matches(bare, self.steps, n=1)) else ""
        self.note("unknown-step-in-test", path, f"The workflow has no step {name!r}.", hint=hint, key=key)

    def _read_at(self, written: dict[str, Any], path: Path) -> Any:
        at = written.get("at")
        if at is None:
            return None
        try:
            return parse_datetime(str(at))
        except (UserError, ValueError):
            hint = "Write it as 2026-11-20T17:30:00Z."
            self.note("wrong-type", (*path, "at"), f"{at!r} is no point in time.", hint=hint)
            return None

    def _refuse_unknown(self, written: dict[str, Any], known: Iterable[str], path: Path, what: str) -> None:
        names = list(known)
        for field in written:
            if field not in names:
                near = get_close_matches(str(field), names, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else f"There is {', '.join(names)}."
                self.note(
                    "unknown-field", (*path, field), f"{what} has no field {field!r}.", hint=hint, key=True
                )


def _paths(scope: Scope, under: str) -> Iterable[str]:
    for step in scope.steps.values():
        yield under + step.id
        for inner in (step.body, step.catch, step.finally_, *(step.branches or {}).values()):
            if inner is not None:
                yield from _paths(inner, f"{under}{step.id}/")


def _calls(scope: Scope, under: str) -> Iterable[str]:
    for step in scope.steps.values():
        if step.type == "call":
            yield under + step.id
        for inner in (step.body, step.catch, step.finally_, *(step.branches or {}).values()):
            if inner is not None:
                yield from _calls(inner, f"{under}{step.id}/")
