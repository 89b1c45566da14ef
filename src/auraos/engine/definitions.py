"""Definitions as the engine needs them: a version for a name, a program for a version, kept while it is
used.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from auraos.core.catalogue import Behaviour, Schema
from auraos.core.errors import UserError
from auraos.core.privacy import HIDDEN, has_tags
from auraos.core.run import Program
from auraos.core.schemas import Defaults, SchemaCheck
from auraos.core.values import Value
from auraos.engine.ports import NotFoundError, Store, Version

TRIAL = "trial-"
"""So begins the name of a version that is of one trial only: nothing is kept of it in memory after that."""


class InputRefusedError(UserError):
    """The input does not fit the schema that the workflow gives for it."""

    code = "input-refused"


class Definitions(Protocol):
    """Where workflows come from, and how a version becomes a program."""

    async def resolve(self, workspace: str, name: str) -> Version:
        """Return the version published under this name (`name@3` pins one); raise `UserError` if none is."""
        ...

    def compile(self, version: Version) -> Program:
        """Return the program of a version; raise `UserError` when this installation cannot run it."""
        ...


Choose: TypeAlias = Callable[[str, str, str, Value], Awaitable[str]]
"""Says on which version a run begins: given workspace, name, run and input, it returns the name, or one that pins a version."""


class Programs:
    """The programs in use, by version; a run that is older than a file's last change still gets its own."""

    def __init__(self, store: Store, definitions: Definitions) -> None:
        self._store = store
        self._definitions = definitions
        self._programs: dict[str, Program] = {}
        self._calls: dict[str, list[str]] = {}
        self._inputs: dict[str, tuple[SchemaCheck, Defaults] | None] = {}
        self._kept: set[str] = set()
        self._unkept: dict[str, Version] = {}
        self.choose: Choose | None = None
        """Chooses the versions of names that pin none, where somebody does."""

    async def resolve(self, workspace: str, name: str, run: str, given: Value = None) -> str:
        """Return the hash of the version on which a run begins, or what it calls: of those that are published under this
        name now.
        """
        if self.choose is not None:
            name = await self.choose(workspace, name, run, given)
        return self.take(await self._definitions.resolve(workspace, name))

    def take(self, version: Version) -> str:
        """Take a version's text into use, and return its hash. It is compiled now, so what cannot run is
        refused now.
        """
        found = version.hash
        if found not in self._programs:
            self._programs[found] = self._definitions.compile(version)
        if found not in self._kept:
            self._unkept[found] = version
        return found

    async def program(self, version: str) -> Program:
        """Return the program of a version that runs were started on, from the text that the store kept."""
        program = self._programs.get(version)
        if program is None:
            kept = await self._store.version(version)
            if kept is None:
                raise NotFoundError(
                    f"The text of version {version[:12]!r} is not in the store.",
                    hint="Restore the store from a backup that has it.",
                )
            program = self._programs[version] = self._definitions.compile(kept)
            self._kept.add(version)
        return program

    def known(self, version: str) -> Program:
        """Return the program of a version in use."""
        return self._programs[version]

    def calls_of(self, version: str) -> list[str]:
        """Return the names of the workflows that a version in use calls; most call none."""
        calls = self._calls.get(version)
        if calls is None:
            calls = self._calls[version] = called_workflows(self._programs[version])
        return calls

    async def resolve_calls(
        self, workspace: str, version: str, run: str, known: dict[str, str]
    ) -> dict[str, str]:
        """Return the versions of the workflows that a run on this one calls: those known, else the ones published now."""
        wanted = [name for name in self.calls_of(version) if name not in known]
        return {**{name: await self.resolve(workspace, name, run) for name in wanted}, **known}

    def take_input(self, version: str, value: Value) -> Value:
        """Return an input with the defaults of the workflow's schema; raise `InputRefusedError` with everything in it that
        does not fit.
        """
        try:
            reading = self._inputs[version]
        except KeyError:
            schema = self._programs[version].workflow.input
            reading = self._inputs[version] = _reading_of(schema) if schema else None
        if reading is None:
            return value
        validator, defaults = reading
        value = defaults.given(value)
        found = [f"input{mismatch.path}: {mismatch.message}" for mismatch in validator.mismatches(value)]
        if found:
            name = self._programs[version].workflow.name
            raise InputRefusedError(
                f"The input does not fit workflow {name!r}: {'; '.join(found[:20])}.",
                hint="See the schema under `spec.input` of the workflow.",
                problems=found,
            )
        return value

    def unkept(self, *versions: str) -> Sequence[Version]:
        """Return those of these versions whose text no durable write held yet."""
        return [self._unkept[name] for name in versions if name in self._unkept] if self._unkept else ()

    def forget(self, version: str) -> None:
        """Let go of a version that nobody uses any more."""
        for known in (self._programs, self._calls, self._inputs, self._unkept):
            known.pop(version, None)
        self._kept.discard(version)

    def kept(self, versions: Sequence[Version]) -> None:
        """Note that the texts of these versions are durable."""
        for version in versions:
            self._kept.add(version.hash)
            self._unkept.pop(version.hash, None)


def _reading_of(schema: Schema) -> tuple[SchemaCheck, Defaults]:
    """Return what reads an input. What it says of private data does not hold the data."""
    return SchemaCheck(schema, mask=HIDDEN if has_tags(schema) else ""), Defaults(schema)


def called_workflows(program: Program) -> list[str]:
    """Return the names of the workflows that a program calls, the one for its failure included."""
    names = [
        step.step.settings.get("workflow")
        for step in program.steps.values()
        if step.type.behaviour is Behaviour.CALL
    ]
    names.append(program.workflow.settings.on_failure)
    return sorted({name for name in names if isinstance(name, str) and name and "{{" not in name})
