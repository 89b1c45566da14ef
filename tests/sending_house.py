"""An engine whose runs use secrets of a real store and send them to servers of a test, on any catalogue of step types.

Versions are run as they are, unchecked: what the checks would have kept away has to be refused by what carries it out.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.app.outside.world import World
from auraos.core.audit import Entry
from auraos.core.catalogue import Catalogue
from auraos.core.document import read_document
from auraos.core.graph import read_workflow, resolved_types
from auraos.core.run.facts import AnyFact, StepError, StepFailed, StepUnknown
from auraos.engine.clock import SystemClock
from auraos.engine.engine import Engine
from auraos.engine.ports import Version
from auraos.security.secrets.checking import Value
from auraos.security.secrets.rows import Secret
from auraos.security.secrets.service import About
from auraos.storage.blobs import LocalBlobs
from houses import HOUSE, House
from kept_definitions import definitions_over
from kept_secrets import secrets_over

LONGEST = 30.0


class Went(NamedTuple):
    """What became of a run: its facts, and how its steps failed."""

    run: str
    facts: list[AnyFact | None]
    errors: list[StepError]

    @property
    def codes(self) -> list[str]:
        return [error.code for error in self.errors]


class SendingHouse:
    """Short ways to secrets, to runs and to what the audit trail tells of both."""

    def __init__(self, house: House, allowed: Sequence[str], catalogue: Catalogue | None = None) -> None:
        assert house.store is not None
        self.house = house
        self.world = World(allowed)
        self.services = secrets_over(house, definitions_over(house), allowed=allowed)
        self.world.use(self.services.stored)
        known = catalogue or load_installed().catalogue
        self.catalogue = known
        doors = self.world.doors(LocalBlobs(house.folder / "blobs"))
        self.engine = Engine(house.store, known, FolderDefinitions(None, known), doors)

    async def keep(self, name: str, credential: Any, *hosts: str, workflows: tuple[str, ...] = ()) -> Secret:
        """Keep a secret, bound to these hosts."""
        value = Value(credential=credential, hosts=hosts, workflows=workflows)
        return await self.services.secrets.create(HOUSE, "default", name, About(), value)

    async def run(self, text: str, given: Any = None, **variables: Any) -> "Went":
        """Let a run of this text go until it ends, or until its undo fails: then it waits for somebody."""
        document = read_document(text)[0]
        assert document is not None
        workflow, problems = read_workflow(document, self.catalogue)
        assert workflow is not None, problems
        run = SystemClock().new_id()
        version = Version(
            hash=f"unchecked {run}", kind="workflow", name=workflow.name, text=text,
            step_types=resolved_types(workflow, self.catalogue),
        )  # fmt: skip
        await self.engine.try_out(
            version, input=given, workspace="default", variables=variables, pinned=(), by="ann", run=run
        )
        went = Went(run, [], [])
        async with asyncio.timeout(LONGEST):
            async for change in self.engine.subscribe(run):
                went.facts.append(change.fact)
                if isinstance(change.fact, StepFailed | StepUnknown):
                    went.errors.append(change.fact.error)
                    if change.fact.path.endswith("!undo"):
                        break
        return went

    async def refused(self) -> list[Entry]:
        """Return what the audit trail tells of secrets that runs did not get."""
        await self.services.stored.close()
        return [entry for entry in await self.house.entries("secrets.use") if entry.outcome == "refused"]


@asynccontextmanager
async def sending_from(
    house: House, *allowed: str, catalogue: Catalogue | None = None
) -> AsyncIterator[SendingHouse]:
    """Yield an open engine that may send to these."""
    made = SendingHouse(house, allowed, catalogue)
    await made.engine.open()
    try:
        yield made
    finally:
        await made.engine.close()
        await made.services.close()
        await made.services.tokens._http.close()
        await made.world.close()
