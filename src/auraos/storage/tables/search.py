"""The search over definitions: which words a text is found by, the same on both databases.

A text is cut into words here, without case and accents, so that no database has its own idea of what a word is. Each text has
a mark of its workspace among its words: a search reads what one workspace has, however much others have.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from auraos.storage.tables.statement import Dialect, Statement

LONGEST_WORD = 40
"""Of a longer word only the beginning counts."""
MOST_BYTES = 200_000
"""So many bytes of different words a text is found by."""
_WORD = re.compile(r"[^\W_]+")
_MARK = "\ue000"
_FOUND = {
    "sqlite": "id in (select rowid from definition_search where definition_search match ?)",
    # as an array: a join is planned by how common the words are thought to be, and may look at each row of a workspace alone
    "postgres": "id = any(array(select id from definition_search where words @@ ?::text::tsquery))",
}
_INDEX = {
    "sqlite": "insert or replace into definition_search(rowid, words) values(?,?)",
    "postgres": (
        "insert into definition_search(id, words) values(?, array_to_tsvector(?::text[]))"
        " on conflict (id) do update set words = excluded.words"
    ),
}


def index(dialect: Dialect, number: int, workspace: str, text: str) -> Statement:
    """Return what lets a text of a workspace be found by its words."""
    words = [_mark(workspace), *_bounded(text)]
    return Statement(_INDEX[dialect], (number, " ".join(words) if dialect == "sqlite" else words))


def found(dialect: Dialect, workspace: str, texts: Sequence[str]) -> tuple[str, list[Any]]:
    """Return the test, with its values, of what has words that begin with each of these."""
    words = list(dict.fromkeys(word for text in texts for word in _words(text)))
    if not words:
        return "1=0", []
    if dialect == "sqlite":
        wanted = " ".join([f'"{_mark(workspace)}"', *(f'"{word}"*' for word in words)])
    else:
        wanted = " & ".join([f"'{_mark(workspace)}'", *(f"'{word}':*" for word in words)])
    return _FOUND[dialect], [wanted]


def _bounded(text: str) -> Iterator[str]:
    size = 0
    for word in dict.fromkeys(_words(text)):
        size += len(word.encode()) + 4
        if size > MOST_BYTES:
            return
        yield word


def _words(text: str) -> Iterator[str]:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(each for each in decomposed if not unicodedata.combining(each))
    return (word[:LONGEST_WORD] for word in _WORD.findall(plain))


def _mark(workspace: str) -> str:
    return f"{_MARK}{workspace.encode().hex()}"
