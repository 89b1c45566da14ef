"""Rows of definitions as data."""

from collections.abc import Sequence
from typing import Any

import msgspec

from auraos.documents.definitions.rows import (
    Definition,
    Edit,
    Listed,
    Live,
    Published,
    Release,
    Revision,
    Use,
    UsedBy,
)


def definition(row: Sequence[Any]) -> Definition:
    """Return a definition from its columns."""
    return Definition(
        id=row[0], workspace=row[1], kind=row[2], name=row[3], title=row[4], labels=_labels(row[5]), owner=row[6],
        revision=row[7], text=row[8], meaning=row[9], changed_at=row[10], changed_by=row[11], created_at=row[12],
        version=row[13], hash=row[14], published_at=row[15], archived_at=row[16],
        authors=_authors(row[17]),
    )  # fmt: skip


def listed(row: Sequence[Any]) -> Listed:
    """Return a definition as lists show it from its columns."""
    (
        kind,
        name,
        title,
        labels,
        owner,
        revision,
        meaning,
        changed_at,
        changed_by,
        version,
        hash_,
        published_at,
        gone,
    ) = row
    as_state = Definition(
        id=0, workspace="", kind=kind, name=name, revision=revision, text="", meaning=meaning, changed_at=changed_at,
        created_at=0, version=version, hash=hash_, archived_at=gone,
    )  # fmt: skip
    return Listed(
        kind=kind, name=name, title=title, labels=_labels(labels), owner=owner, state=as_state.state, version=version,
        revision=revision, changed_at=changed_at, changed_by=changed_by, published_at=published_at, archived_at=gone,
    )  # fmt: skip


def live(row: Sequence[Any]) -> Live:
    """Return which version is live from its columns."""
    return Live(version=row[0], hash=row[1], is_archived=row[2] > 0)


def release(row: Sequence[Any]) -> Release:
    """Return a version as lists show it from its columns."""
    return Release(version=row[0], hash=row[1], at=row[2], author=row[3], note=row[4])


def edit(row: Sequence[Any]) -> Edit:
    """Return a revision as lists show it from its columns."""
    return Edit(revision=row[0], at=row[1], author=row[2])


def use(row: Sequence[Any]) -> Use:
    """Return one that a definition names from its columns."""
    return Use(kind=row[0], name=row[1], place=row[2])


def _authors(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])


_labels = msgspec.json.Decoder(dict[str, str]).decode


def published(row: Sequence[Any]) -> Published:
    """Return a version from its columns."""
    return Published(
        version=row[0], hash=row[1], text=row[2], step_types=msgspec.json.decode(row[3], type=dict[str, int]),
        at=row[4], author=row[5], note=row[6], authors=_authors(row[7]),
    )  # fmt: skip


def revision(row: Sequence[Any]) -> Revision:
    """Return a draft as it was saved from its columns."""
    return Revision(revision=row[0], text=row[1], at=row[2], author=row[3])


def used_by(row: Sequence[Any]) -> UsedBy:
    """Return one that names a definition from its columns."""
    return UsedBy(kind=row[0], name=row[1], place=row[2], is_live=bool(row[3]))
