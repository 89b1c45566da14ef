"""The flags of a store, put together: definitions of the kind `flag`, and what is kept beside them."""

from collections.abc import Callable, Sequence

from auraos.documents.definitions.rows import Query, Ref
from auraos.documents.definitions.store import DefinitionStore
from auraos.settings.flags.kind import NAME
from auraos.settings.flags.rows import LiveFlag
from auraos.settings.flags.service import Flags
from auraos.storage.tables.flag_runs import VersionRuns
from auraos.storage.tables.flags import FlagTables
from auraos.storage.tables.statement import Tables

PAGE = 1000


class PublishedFlags:
    """The published flags among the definitions."""

    def __init__(self, store: DefinitionStore) -> None:
        self._store = store

    @property
    def changes(self) -> int:
        """Return how often this process changed some."""
        return self._store.saved[NAME]

    async def live(self, workspace: str) -> Sequence[LiveFlag]:
        """Return the flags of a workspace that are live and not archived."""
        found: list[LiveFlag] = []
        after = ("", "")
        while True:
            page = await self._store.page(Query(workspace=workspace, kind=NAME, after=after, limit=PAGE))
            found += [
                LiveFlag(
                    name=each.name, title=each.title, labels=each.labels, version=each.version,
                    published_at=each.published_at,
                )
                for each in page
                if each.version and not each.archived_at
            ]  # fmt: skip
            if len(page) < PAGE:
                return found
            after = (NAME, page[-1].name)

    async def text(self, workspace: str, name: str, version: int) -> str:
        """Return the text of a version."""
        found = await self._store.version(Ref(workspace, NAME, name), version)
        return found.text if found is not None else ""


def flags_on(tables: Tables, store: DefinitionStore, *, now: Callable[[], int]) -> Flags:
    """Return the flags of a store."""
    return Flags(PublishedFlags(store), FlagTables(tables), now=now, counts=VersionRuns(tables))
