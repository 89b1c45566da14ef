"""Files of feature flags, checked like every other file of definitions, and asked for beside those that are published."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from auraos.app.definitions.files import CheckedFile
from auraos.app.definitions.folder_index import BrokenDefinitionError, FolderIndex
from auraos.core.catalogue import Catalogue
from auraos.core.document import read_document
from auraos.core.graph.check import in_order
from auraos.core.values import Value
from auraos.settings.flags.evaluation import evaluate
from auraos.settings.flags.kind import FLAG
from auraos.settings.flags.model import Evaluation, Flag
from auraos.settings.flags.reading import read_flag

_SAYS_FLAG = re.compile(rf"^[\"']?kind[\"']?\s*:\s*[\"']?{FLAG.name}\b", re.MULTILINE)


class FlagFiles:
    """The feature flags of one folder."""

    def __init__(self, folder: Path | None) -> None:
        self._index = FolderIndex(folder, FLAG.name)
        self._read: dict[str, tuple[str, Flag | None]] = {}

    def find(self, name: str) -> Flag | None:
        """Return a flag, None where the folder has none of this name; raise `BrokenDefinitionError` for one that is wrong."""
        text = self._index.text(name)
        if text is None:
            return None
        known = self._read.get(name)
        if known is None or known[0] != text:
            document, _ = read_document(text, [FLAG.name])
            known = self._read[name] = (text, None if document is None else read_flag(document)[0])
        if known[1] is None:
            raise BrokenDefinitionError(
                f"The file of the flag {name!r} cannot be read as a flag.", hint="See `auraos check`."
            )
        return known[1]

    def type_of(self, name: str) -> str | None:
        """Return the type of a flag, None where there is none; nothing for one that is wrong."""
        try:
            found = self.find(name)
        except BrokenDefinitionError:
            return ""
        return None if found is None else found.type

    def evaluate(
        self, name: str, context: Mapping[str, Value], now: Callable[[], datetime]
    ) -> Evaluation | None:
        """Return what a flag gives in a context; None where the folder has none of this name."""
        found = self.find(name)
        return None if found is None else evaluate(found, context, now=now)


def is_flag(text: str) -> bool:
    """Return whether a text says that it is a flag."""
    return _SAYS_FLAG.search(text) is not None


def check_flag(path: str, text: str, catalogue: Catalogue) -> CheckedFile | None:
    """Return all that can be said of a flag, None for a text that is none."""
    if not is_flag(text):
        return None
    document, problems = read_document(text, [FLAG.name])
    if document is not None:
        known = {(problem.code, problem.path) for problem in problems}
        found = FLAG.check(document, catalogue, None)
        problems = [*problems, *(each for each in found if (each.code, each.path) not in known)]
    return CheckedFile(
        path=path, text=text, document=document, workflow=None, cases=(), problems=tuple(in_order(problems))
    )
