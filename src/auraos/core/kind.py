"""Kinds of documents: what each is called, what its spec looks like, and how it is checked. The owning package defines its
kind, the application registers it; everything else about documents is the same for all.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from auraos.core.catalogue import Catalogue, Schema
from auraos.core.document import Document
from auraos.core.errors import UnexpectedError
from auraos.core.problems import Path, Problem

OF_SECRETS: Final = "secret"
"""The kind of what a document names and is no document: it lies in the keeping of another part of the house."""
OF_FLAGS: Final = "flag"
"""The kind of feature flags, which workflows name and which name workflows."""


class Named(msgspec.Struct, frozen=True):
    """A document names another one at a place of its text; `version` is what it pins, 0 for whichever is live."""

    kind: str
    name: str
    path: Path
    version: int = 0
    goes_to: str = ""
    """The address that a secret goes to, as far as the text says it; `@local` for one that is sent nowhere."""
    is_needed: bool = True
    """Whether it cannot do without it."""


class Others(msgspec.Struct, frozen=True):
    """The documents beside the one that is checked, which have numbered versions.

    `find` is given kind, name and pinned version, 0 for none; without it nobody knows which there are.
    """

    find: Callable[[str, str, int], Document | None] | None = None


class Meaning(msgspec.Struct, frozen=True):
    """What a document is beyond its text: the versions that its step types stand for now, and the documents and
    secrets it names.
    """

    step_types: dict[str, int] = {}
    names: tuple[Named, ...] = ()


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of document. `schema` gives the JSON Schema of its spec; `check` finds all that is wrong with one, also with
    how it names others where these are known; `read` returns what it means, None for one that cannot be read; `names` which
    others such a one names all the same, as far as it can be read.
    """

    name: str
    title: str = ""
    schema: Callable[[Catalogue], Schema]
    check: Callable[[Document, Catalogue, Others | None], list[Problem]]
    read: Callable[[Document, Catalogue], Meaning | None]
    names: Callable[[Document, Catalogue], tuple[Named, ...]] = lambda *_: ()


class Kinds:
    """The kinds that are known, by name; a collection of their names."""

    def __init__(self, kinds: Iterable[Kind] = ()) -> None:
        self._kinds: dict[str, Kind] = {}
        for kind in kinds:
            self.register(kind)

    def register(self, kind: Kind) -> None:
        """Add a kind; two of one name are a mistake of the program."""
        if kind.name in self._kinds:
            raise UnexpectedError(f"The kind {kind.name!r} is registered twice.")
        self._kinds[kind.name] = kind

    def find(self, name: str) -> Kind | None:
        """Return the kind of this name; None where there is none."""
        return self._kinds.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._kinds

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._kinds))

    def __len__(self) -> int:
        return len(self._kinds)
