"""Files that one run hands over to another one in a fact."""

from typing import Any

from auraos.core.run.facts import Page
from auraos.core.values import FileReference, Value
from auraos.engine.ports import Blobs


async def share_files(blobs: Blobs, fact: Any, workspace: str, source: str, target: str) -> None:
    """Let a run hold the files that a fact hands over to it from another one."""
    if not source:
        return
    for reference in files_in(fact):
        await blobs.share(reference, workspace=workspace, source=source, target=target)


def files_in(fact: Any) -> list[FileReference]:
    """Return the files that a fact hands over."""
    found: list[FileReference] = []
    values: list[Value] = [
        getattr(fact, name, None) for name in ("input", "output", "data", "variables", "page")
    ]
    for inherited in getattr(fact, "inherited", ()):
        values.append(inherited.output)
        if inherited.under_way is not None:
            values.append(inherited.under_way.items)
    carried = getattr(fact, "moved", None)
    if carried is not None:
        values.extend(signal.data for signal in carried.signals)
    while values:
        value = values.pop()
        if isinstance(value, FileReference):
            found.append(value)
        elif isinstance(value, Page):
            values.extend((value.items, value.last, value.names))
        elif isinstance(value, dict):
            values.extend(value.values())
        elif isinstance(value, list | tuple):
            values.extend(value)
    return found
