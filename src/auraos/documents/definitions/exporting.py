"""Exporting: the texts of many definitions as files, as a bundle or a folder holds them."""

from typing import Literal, TypeAlias

import msgspec

from auraos.documents.definitions.bundles import path_of
from auraos.documents.definitions.errors import DefinitionRefusedError
from auraos.documents.definitions.files import MOST_FILES, File
from auraos.documents.definitions.rows import Query, Ref
from auraos.documents.definitions.service import LARGEST_PAGE, Definitions

Side: TypeAlias = Literal["draft", "live"]
"""The drafts as they stand, or the versions that are live."""


async def export(definitions: Definitions, query: Query, side: Side = "draft") -> list[File]:
    """Return the texts of all definitions that a query finds; of those that were never published no live one."""
    found: list[File] = []
    query = msgspec.structs.replace(query, limit=LARGEST_PAGE)
    while True:
        page = await definitions.store.whole(query)
        for row in page:
            text = row.text
            if side == "live":
                version = await definitions.store.version(row.ref, row.version) if row.version else None
                if version is None:
                    continue
                text = version.text
            found.append(File(path_of(Ref(row.workspace, row.kind, row.name)), text))
        if len(found) > MOST_FILES:
            raise DefinitionRefusedError(
                f"These are more than the {MOST_FILES:,} definitions that one bundle holds.",
                (),
                hint="Export them by kind or by label.",
            )
        if len(page) < LARGEST_PAGE:
            return found
        query = msgspec.structs.replace(query, after=(page[-1].kind, page[-1].name))
