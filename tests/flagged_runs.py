"""Runs that flags guide, over a real store: an engine, definitions, and flags that are looked at anew each time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from auraos.app.definitions.published import PublishedDefinitions
from auraos.app.installed import load_installed
from auraos.app.runs.releases import Releases
from auraos.app.settings.flags import flags_on
from auraos.app.settings.step_flags import StepFlags
from auraos.documents.definitions.rows import Ref
from auraos.documents.definitions.service import Definitions
from auraos.engine.clock import SystemClock
from auraos.engine.context import Doors
from auraos.engine.endings import Ended
from auraos.engine.engine import Engine
from auraos.engine.ports import RunRow
from auraos.settings.flags.guard import GuardWatch
from auraos.settings.flags.service import BELIEVED, Flags
from auraos.storage.blobs import LocalBlobs
from auraos.storage.tables.flag_runs import VersionRuns
from kept_definitions import changed, definitions_over, published
from stores import AnyStore

SAYS = """kind: workflow
name: {name}
spec:
  input: {{type: object}}
  steps:
    say: {{type: transform, with: {{set: {{said: {said}}}}}}}
"""
FAILS = """kind: workflow
name: {name}
spec:
  input: {{type: object}}
  steps:
    may: {{type: if, with: {{condition: "{{{{ input.bad }}}}"}}}}
    say: {{type: transform, with: {{set: {{said: {said}}}}}}}
    fall: {{type: fail, with: {{message: "it fell"}}}}
  links: [may.false -> say, may.true -> fall]
  output: "{{{{ steps.say }}}}"
"""
RELEASE = """kind: flag
name: auraos-version-of-greet
spec:
  type: number
  variants: {{new: {new}, old: {old}}}
  default: {default}
  off: old
{more}"""
GUARD = "  guard: {runs: 5, failures: 20, margin: 10}\n"
RULES = "  rules: [{when: context.new, variant: new}]\n"


class Flagged:
    """A store, and what runs on it."""

    def __init__(self, store: AnyStore, folder: Path) -> None:
        self.store = store
        self.definitions: Definitions = definitions_over(store)
        self._at = 0.0
        self.flags = self.more_flags()
        catalogue = load_installed().catalogue
        resolver = PublishedDefinitions(self.definitions.store, catalogue)
        nowhere: Any = None
        doors = Doors(
            http=nowhere, secrets=nowhere, sandbox=nowhere, blobs=LocalBlobs(folder), redact=lambda value: value,
            flags=StepFlags(self.flags).of,
        )  # fmt: skip
        self.engine = Engine(store, catalogue, resolver, doors)
        self.engine.choose_by(Releases(self.flags).choose)

    def more_flags(self) -> Flags:
        """Return the flags as another process has them."""
        made = flags_on(self.store.tables, self.definitions.store, now=SystemClock().now)
        made._monotonic = self._ahead
        return made

    def _ahead(self) -> float:
        self._at += BELIEVED
        return self._at

    async def publish(self, text: str) -> Ref:
        """Publish a definition, or another version of it."""
        name = text.split("name: ")[1].split("\n", maxsplit=1)[0]
        ref = Ref("default", text.split("kind: ")[1].split("\n", maxsplit=1)[0], name)
        if await self.definitions.store.find(ref) is None:
            return await published(self.definitions, text)
        await changed(self.definitions, ref, text)
        return ref

    async def run(self, workflow: str, given: Any = None, run: str = "") -> Ended:
        """Let a run come to its end."""
        return await self.engine.run(workflow, input={} if given is None else given, run=run)

    async def row(self, run: str) -> RunRow:
        """Return a run as lists show it."""
        found = await self.store.find(run)
        assert found is not None
        return found


@asynccontextmanager
async def flagged(store: AnyStore, folder: Path) -> AsyncIterator[Flagged]:
    """Yield what runs on a store, and close it."""
    made = Flagged(store, folder)
    await made.engine.open()
    yield made
    await made.flags.stop()
    await made.engine.close()


async def versions(place: Flagged, count: int, text: str = SAYS) -> None:
    """Publish so many versions of a workflow, each of which says its number."""
    for number in range(1, count + 1):
        await place.publish(text.format(name="greet", said=number))


async def release(place: Flagged, default: str, more: str = "", new: int = 2, old: int = 1) -> None:
    await place.publish(RELEASE.format(new=new, old=old, default=default, more=more))


def watch(place: Flagged, flags: Flags | None = None) -> GuardWatch:
    return GuardWatch(flags or place.flags, VersionRuns(place.store.tables))


async def let_run(place: Flagged, *, new: str = "", old: str = "") -> None:
    """Let runs of both versions end; an x stands for one that fails."""
    for version, told in ((True, new), (False, old)):
        for each in told:
            await place.run("greet", {"new": version, "bad": each == "x"})
