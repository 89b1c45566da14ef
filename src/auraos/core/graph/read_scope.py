"""Reads scopes: steps by their ids, the links among them, and the scopes inside containers."""

from typing import NamedTuple

from auraos.core.catalogue import Behaviour, Catalogue
from auraos.core.document import Node
from auraos.core.graph.fields import Fields, describe
from auraos.core.graph.findings import Findings
from auraos.core.graph.names import mend_name, say_why_no_name, say_why_no_port, split_link
from auraos.core.graph.read_step import read_step
from auraos.core.problems import Path, Place
from auraos.core.workflow import Link, Scope, Step

MOST_LEVELS = 16
_LOOPS = (Behaviour.FOREACH, Behaviour.WHILE)
CONTAINERS = (*_LOOPS, Behaviour.TRY, Behaviour.RACE)


class LinkPlaces(NamedTuple):
    """Where a link and its parts are written."""

    path: Path
    source: Place
    port: Place
    target: Place


class Written:
    """Where the parts of a workflow are written: steps by id, links by the path of their scope."""

    def __init__(self) -> None:
        self.steps: dict[str, Path] = {}
        self.links: dict[Path, list[LinkPlaces]] = {}


class ScopeReader:
    """Reads scopes within scopes, keeping an eye on ids, which are unique over the whole workflow."""

    def __init__(self, catalogue: Catalogue, findings: Findings, written: Written) -> None:
        self.catalogue = catalogue
        self.findings = findings
        self.written = written
        self.level = 0

    def read_scope(self, fields: Fields, what: str) -> Scope:
        """Read `steps` and `links` of a workflow, a container or a branch."""
        self.level += 1
        try:
            steps = (
                self._read_steps(fields, what) if self.level <= MOST_LEVELS else self._refuse_depth(fields)
            )
        finally:
            self.level -= 1
        return Scope(steps=steps, links=self._read_links(fields))

    def _refuse_depth(self, fields: Fields) -> dict[str, Step]:
        message = f"Containers nest at most {MOST_LEVELS} deep."
        self.findings.add(
            "too-deep-nesting",
            fields.path,
            message,
            hint="Move the inner part into a workflow of its own.",
            key=True,
        )
        return {}

    def _read_steps(self, fields: Fields, what: str) -> dict[str, Step]:
        fields.require("steps", what, "Write its steps under `steps:`.")
        if isinstance(fields.value("steps"), list):
            message, hint = (
                "'steps' must be a mapping, not a list.",
                "Write each step under its name, as `a: {type: noop}`.",
            )
            self.findings.add("wrong-type", (*fields.path, "steps"), message, hint=hint)
            return {}
        listed = fields.fields("steps")
        steps: dict[str, Step] = {}
        if listed is None:
            return steps
        for name, entry in listed.node.entries.items():
            path = (*listed.path, name)
            self._check_name(name, path)
            if entry.value.kind != "mapping":
                message = f"A step is a mapping with a 'type', not {describe(entry.value.value)}."
                self.findings.add("wrong-type", path, message, hint=f"Write `{name}: {{type: noop}}`.")
                steps[name] = Step(id=name, type="")
                continue
            step = read_step(name, Fields(entry.value, path, self.findings), self.catalogue)
            steps[name] = self._read_container(step, Fields(entry.value, path, self.findings))
        return steps

    def _check_name(self, name: str, path: Path) -> None:
        reason = say_why_no_name(name)
        if reason:
            mended = mend_name(name)
            hint = f"Name it {mended!r}." if mended else ""
            self.findings.add(
                reason[0], path, f"A step cannot be named {name!r}. {reason[1]}", hint=hint, key=True
            )
        first = self.written.steps.setdefault(name, path)
        if first is not path:
            line = self.findings.tree.place(first, key=True).line
            self.findings.add(
                "duplicate-step",
                path,
                f"There already is a step {name!r}, on line {line}.",
                hint="An id is used once in a whole workflow, inner steps included.",
                key=True,
            )

    def _read_container(self, step: Step, fields: Fields) -> Step:
        step_type = self.catalogue.find(step.type, step.version)
        behaviour = step_type.behaviour if step_type else None
        if step_type is None and not step.type:
            behaviour = _guess_behaviour(fields)
        parts: dict[str, object] = {}
        if behaviour in _LOOPS or behaviour is Behaviour.TRY:
            parts["body"] = self.read_scope(fields, f"A {step.type!r}" if step.type else "A container")
        if behaviour is Behaviour.TRY:
            parts["catch"] = self._read_part(fields, "catch")
            parts["finally_"] = self._read_part(fields, "finally")
        if behaviour is Behaviour.RACE:
            parts["branches"] = self._read_branches(fields)
        if not parts:
            return step
        return _with_parts(step, parts)

    def _read_part(self, fields: Fields, name: str) -> Scope | None:
        part = fields.fields(name)
        if part is None:
            return None
        part.refuse_unknown(("steps", "links"), f"{name!r}")
        return self.read_scope(part, f"{name!r}")

    def _read_branches(self, fields: Fields) -> dict[str, Scope]:
        branches: dict[str, Scope] = {}
        if not fields.require(
            "branches", "A 'race'", "Write `branches: {fast: {steps: …}, slow: {steps: …}}`."
        ):
            return branches
        listed = fields.fields("branches")
        for name in listed.names() if listed else ():
            path = (*listed.path, name) if listed else ()
            reason = say_why_no_port(name, ("out", "error"))
            if reason:
                self.findings.add(
                    reason[0], path, f"A branch cannot be named {name!r}. {reason[1]}", key=True
                )
            branch = listed.fields(name) if listed else None
            if branch is None:
                continue
            branch.refuse_unknown(("steps", "links"), "A branch")
            branches[name] = self.read_scope(branch, f"The branch {name!r}")
        return branches

    def _read_links(self, fields: Fields) -> tuple[Link, ...]:
        links: list[Link] = []
        places: list[LinkPlaces] = []
        for index, node in enumerate(fields.items("links")):
            path = (*fields.path, "links", index)
            parts = split_link(node.value) if isinstance(node.value, str) else None
            if parts is None:
                said = (
                    f"{node.value!r} is no link."
                    if isinstance(node.value, str)
                    else f"A link is a text, not {describe(node.value)}."
                )
                self.findings.add("bad-link", path, said, hint="Write `a -> b`, or `a.port -> b`.")
                continue
            links.append(Link(parts.source, parts.port or "out", parts.target))
            source = _place_within(node, parts.source_at, len(parts.source))
            port = _place_within(node, parts.port_at, len(parts.port)) if parts.port else source
            places.append(
                LinkPlaces(path, source, port, _place_within(node, parts.target_at, len(parts.target)))
            )
        self.written.links[fields.path] = places
        return tuple(links)


def _place_within(node: Node, start: int, length: int) -> Place:
    """Return the place of a part of a text, which is exact when nothing in the text is escaped."""
    if node.style not in ("plain", "single", "double") or node.alias is not None:
        return node.where
    begin = node.start + (0 if node.style == "plain" else 1) + start
    return node.lines.place(min(begin, node.end), min(begin + length, node.end))


def _guess_behaviour(fields: Fields) -> Behaviour | None:
    """Return what a step without a usable type seems to be, so that its inner steps are checked too."""
    if "branches" in fields:
        return Behaviour.RACE
    return Behaviour.TRY if "steps" in fields else None


def _with_parts(step: Step, parts: dict[str, object]) -> Step:
    values = {name: getattr(step, name) for name in step.__struct_fields__}
    return Step(**{**values, **parts})
