"""Files of feature flags, checked like every other file of definitions."""

import re

from auraos.app.definitions.files import CheckedFile
from auraos.core.catalogue import Catalogue
from auraos.core.document import read_document
from auraos.core.graph.check import in_order
from auraos.settings.flags.kind import FLAG

_SAYS_FLAG = re.compile(rf"^[\"']?kind[\"']?\s*:\s*[\"']?{FLAG.name}\b", re.MULTILINE)


def check_flag(path: str, text: str, catalogue: Catalogue) -> CheckedFile | None:
    """Return all that can be said of a flag, None for a text that is none."""
    if not _SAYS_FLAG.search(text):
        return None
    document, problems = read_document(text, [FLAG.name])
    if document is not None:
        known = {(problem.code, problem.path) for problem in problems}
        found = FLAG.check(document, catalogue, None)
        problems = [*problems, *(each for each in found if (each.code, each.path) not in known)]
    return CheckedFile(
        path=path, text=text, document=document, workflow=None, cases=(), problems=tuple(in_order(problems))
    )
