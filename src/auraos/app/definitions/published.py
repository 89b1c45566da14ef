"""Definitions out of the store: `call` and starts find what is published; versions become programs.

What is live is asked for at every start, for another process may have published since. Texts are asked for once: they
never change.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from auraos.app.definitions.versions import Compiled
from auraos.core.catalogue import Catalogue
from auraos.core.graph.names import split_called
from auraos.core.lookups import Lookups
from auraos.core.run import Program
from auraos.documents.definitions.errors import ArchivedError, NoVersionError
from auraos.documents.definitions.rows import Published, Ref
from auraos.documents.definitions.store import DefinitionStore
from auraos.engine.beginnings import DEFAULT_WORKSPACE
from auraos.engine.definitions import Definitions
from auraos.engine.ports import NotFoundError, Version

KIND = "workflow"
Refuse: TypeAlias = Callable[[str, Version], Awaitable[None]]
"""Raises `UserError` for a version of a workspace that is not to be started."""
MOST_KEPT = 4_000_000
"""So many characters of texts are kept in memory."""


class PublishedDefinitions:
    """The published workflows of all workspaces; what is not among them is looked for `beside`, if anything is there,
    in the workspace that every installation has."""

    def __init__(
        self, store: DefinitionStore, catalogue: Catalogue, beside: Definitions | None = None
    ) -> None:
        self._store = store
        self._beside = beside
        self._programs = Compiled(catalogue)
        self._versions: OrderedDict[tuple[str, str], Version] = OrderedDict()
        self._size = 0
        self.texts = Lookups()
        """Of texts of published versions."""
        self._refuse: Refuse | None = None

    def use(self, refuse: Refuse) -> None:
        """Ask this too from now on, before a version is started."""
        self._refuse = refuse

    async def resolve(self, workspace: str, name: str) -> Version:
        """Return the version that is live under a name, or the one that it pins; raise `UserError` if there is none."""
        parts = split_called(name.removesuffix("@latest"))
        if parts is None:
            raise NotFoundError(f"{name[:100]!r} cannot be the name of a workflow.")
        ref, number = Ref(workspace, KIND, parts[0]), parts[1]
        live = await self._store.live(ref)
        if live is None:
            if self._beside is not None and workspace == DEFAULT_WORKSPACE:
                return await self._beside.resolve(workspace, name)
            raise NotFoundError(
                f"There is no workflow named {ref.name!r} in this workspace.", hint="List what there is."
            )
        if live.is_archived:
            raise ArchivedError(
                f"The {ref} is archived, and nothing starts it any more.", hint="Bring it back first."
            )
        if number is None and not live.version:
            raise NoVersionError(f"The {ref} was never published.", hint="Publish its draft first.")
        version = await self._version(ref, number or live.version, live.hash if number is None else "")
        if self._refuse is not None:
            await self._refuse(workspace, version)
        return version

    @property
    def programs(self) -> Lookups:
        """Return how often the program of a version was there."""
        return self._programs.lookups

    def compile(self, version: Version) -> Program:
        """Return the program of a version; raise `UserError` when this installation cannot run it."""
        return self._programs.of(version)

    async def _version(self, ref: Ref, number: int, hash_: str) -> Version:
        """Return a version by its number; from memory where its hash is known."""
        kept = self._versions.get((ref.name, hash_))
        if kept is not None:
            self.texts.hits += 1
            self._versions.move_to_end((ref.name, hash_))
            return kept
        self.texts.misses += 1
        found = await self._store.version(ref, number)
        if found is None:
            raise NoVersionError(f"The {ref} has no version {number}.", hint="List its versions.")
        return self._keep(ref, found)

    def _keep(self, ref: Ref, found: Published) -> Version:
        version = Version(
            hash=found.hash, kind=ref.kind, name=ref.name, text=found.text, step_types=found.step_types
        )
        if (ref.name, found.hash) not in self._versions:
            self._versions[ref.name, found.hash] = version
            self._size += len(found.text)
        while self._size > MOST_KEPT:
            self._size -= len(self._versions.popitem(last=False)[1].text)
        return version
