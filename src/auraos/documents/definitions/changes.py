"""What a change of a definition writes, worked out from what it was and what is wished."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.document import Document
from auraos.core.kind import OF_SECRETS
from auraos.core.problems import format_path
from auraos.documents.definitions.checking import Checked
from auraos.documents.definitions.errors import DefinitionRefusedError
from auraos.documents.definitions.rows import Definition, Published, Ref, Saving, Use

LONGEST_TEXT = 2_000_000
LONGEST_TITLE = 500
LONGEST_LABEL = 200
MOST_LABELS = 100
LONGEST_PLACE = 500


NewNumber: TypeAlias = Callable[[], int]
"""Gives numbers to new definitions."""


class When(msgspec.Struct, frozen=True):
    """Who changes something, and when."""

    actor: Actor
    at: int
    also: tuple[str, ...] = ()
    """The ids of others who wrote what is changed to."""

    def authors(self, before: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return the ids of all who wrote a draft, with those who did before."""
        return tuple(sorted({*before, *behind(self.actor), *self.also}))


def behind(actor: Actor) -> tuple[str, ...]:
    """Return the ids of whoever answers for what somebody writes; an empty one where that is nobody who is known here."""
    if actor.kind == "person":
        return (actor.id,)
    return (actor.id, actor.maker) if actor.kind == "service" else ("",)


def begin(ref: Ref, read: Checked, when: When, number: int) -> Saving:
    """Return what makes a new definition, with its draft."""
    made = Definition(
        id=number,
        workspace=ref.workspace,
        kind=ref.kind,
        name=ref.name,
        owner=when.actor.id,
        revision=1,
        text=read.text,
        changed_at=when.at,
        changed_by=when.actor.name,
        created_at=when.at,
        authors=when.authors(),
    )
    return _drafted(None, made, read)


def redraft(before: Definition, read: Checked, when: When) -> Saving:
    """Return what puts a text in place of the draft."""
    after = msgspec.structs.replace(
        before,
        text=read.text,
        revision=before.revision + 1,
        changed_at=when.at,
        changed_by=when.actor.name,
        archived_at=0,
        authors=when.authors(before.authors),
    )
    return _drafted(before, after, read)


def publish(saving: Saving, checked: Checked, when: When, note: str) -> tuple[Saving, Published]:
    """Return a change with the publication of a text: the draft that it leaves, or one beside that."""
    meaning = checked.meaning
    assert meaning is not None
    after = saving.after
    published = Published(
        version=after.version + 1,
        hash=checked.hash,
        text=checked.text,
        step_types=meaning.step_types,
        at=when.at,
        author=when.actor.name,
        note=note,
        authors=after.authors if after.text == checked.text else when.authors(),
    )
    after = msgspec.structs.replace(after, version=published.version, hash=checked.hash, published_at=when.at)
    if after.text == checked.text:
        after = msgspec.structs.replace(after, meaning=checked.hash, authors=())
    changed = msgspec.structs.replace(saving, after=after, published=published)
    return live(changed, checked), published


def live(saving: Saving, checked: Checked) -> Saving:
    """Return a change with what a version names that is live from now on; all of that must be live too."""
    after, uses = saving.after, uses_of(checked)
    needed = (one for one in checked.names if one.kind != OF_SECRETS and one.is_needed)
    needs = {(one.kind, one.name) for one in needed} - {(after.kind, after.name)}
    refs = tuple(Ref(after.workspace, kind, name) for kind, name in sorted(needs))
    return msgspec.structs.replace(saving, live_uses=uses, needs=refs)


def put_away(before: Definition, when: When) -> Saving:
    """Return what archives a definition: it names nobody any more, and nobody may name it."""
    after = msgspec.structs.replace(before, archived_at=when.at)
    return Saving(before=before, after=after, draft_uses=(), live_uses=(), unused=True)


def uses_of(read: Checked) -> tuple[Use, ...]:
    """Return which others a text names, and where."""
    return tuple(
        Use(kind=one.kind, name=one.name, place=format_path(one.path)[:LONGEST_PLACE])
        for one in read.names
        if len(one.name) <= LONGEST_LABEL
    )


def entry_of(when: When, ref: Ref, action: str, **told: object) -> Entry:
    """Return what the audit trail says of a change."""
    about = Object(kind=ref.kind, name=ref.name)
    return Entry(
        at=when.at,
        workspace=ref.workspace,
        actor=when.actor,
        action=f"definitions.{action}",
        object=about,
        **told,  # type: ignore[arg-type]
    )


def refuse_unkeepable(text: str) -> None:
    """Raise for a text that cannot even be kept as a draft."""
    if len(text) > LONGEST_TEXT:
        raise DefinitionRefusedError(
            f"The text has {len(text):,} characters; a definition has at most {LONGEST_TEXT:,}.", ()
        )
    if not _is_keepable(text):
        raise DefinitionRefusedError(
            "The text has a character that cannot be kept: U+0000, or half of a character.",
            (),
            hint='Remove it, or write it as an escape between double quotes, like "\\x07".',
        )


def _is_keepable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _drafted(before: Definition | None, after: Definition, read: Checked) -> Saving:
    after = _described(after, read)
    uses = uses_of(read) if read.meaning is not None else None  # nobody knows while it cannot be read
    return Saving(before=before, after=after, words=_words(after, read.document), draft_uses=uses)


def _described(row: Definition, read: Checked) -> Definition:
    """Return a definition with what its text says of it; what cannot be read leaves it as it was."""
    document = read.document
    if document is None:
        return msgspec.structs.replace(row, meaning="")
    labels = {
        _clean(label)[:LONGEST_LABEL]: _clean(value)[:LONGEST_LABEL]
        for label, value in list(document.labels.items())[:MOST_LABELS]
    }
    return msgspec.structs.replace(
        row, title=_clean(document.title)[:LONGEST_TITLE], labels=labels, meaning=read.hash
    )


def _words(row: Definition, document: Document | None) -> str:
    """Return what a search finds a definition by."""
    described = "" if document is None else _clean(document.description)
    labels = " ".join(f"{label} {value}" for label, value in row.labels.items())
    return f"{row.name} {row.title} {described} {labels} {row.text}"


def _clean(text: str) -> str:
    return text.replace("\0", "")
