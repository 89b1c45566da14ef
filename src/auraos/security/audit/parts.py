"""An entry taken apart, and put together again: what stays for ever, and what can be erased.

People are told by their ids. Their names stand with the people, and whoever reads the trail has them looked up; when a
person is erased, the ids stay and mean nobody.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec

from auraos.core.audit import Actor, Entry, Object, Outcome
from auraos.core.canonical import canonical_json

LONGEST_WORD: Final = 300
LONGEST_REASON: Final = 2000
LARGEST_STATE: Final = 16_000
"""So many characters of JSON the state before, or after, may have; of a larger one the beginning and a digest are kept."""
LEFT: Final = 500
AnyEntry: TypeAlias = "Entry | Parts"
ACTOR, OBJECT = "{actor}", "{object}"
"""What stands in a reason for the name of a person."""
_UNKEEPABLE = re.compile(r"[\x00\ud800-\udfff]")


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of an entry, and what lists are searched by."""

    at: int
    workspace: str
    actor: str
    action: str
    outcome: Outcome
    facts: str
    told: str
    origin: str
    about: str
    """What it was done to."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What stays of an entry."""

    at: int
    workspace: str = ""
    actor: Actor
    action: str
    object: Object | None = None
    outcome: Outcome = "done"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry tells beside its facts."""

    why: str = ""
    before: Any = None
    after: Any = None


def parts_of(entry: Entry) -> Parts:
    """Return the texts of an entry, without names of people, and none longer than it may be."""
    actor, about = _actor(entry.actor), _object(entry.object)
    facts = _without_nothing(
        at=entry.at, workspace=_word(entry.workspace), actor=msgspec.to_builtins(actor), action=_word(entry.action),
        object=msgspec.to_builtins(about) if about is not None else None, outcome=entry.outcome,
    )  # fmt: skip
    told = _without_nothing(
        why=_reason(entry), before=_state(entry.before), after=_state(entry.after),
    )  # fmt: skip
    return Parts(
        at=entry.at, workspace=entry.workspace, actor=entry.actor.id, action=entry.action, outcome=entry.outcome,
        facts=_text(facts),
        told=_text(told) if told else "",
        origin=_word(entry.actor.address),
        about=f"{about.kind}/{about.id or about.name}" if about is not None else "",
    )  # fmt: skip


def entry_of(facts: str, told: str, origin: str, names: Mapping[str, str]) -> Entry:
    """Return an entry as it is shown. `names` has the names of people by their ids; parts that were erased are left out."""
    kept = msgspec.json.decode(facts, type=Facts)
    actor = kept.actor
    if actor.kind == "person":
        actor = msgspec.structs.replace(actor, name=names.get(actor.id, ""))
    about = kept.object
    if about is not None and about.id:
        about = msgspec.structs.replace(about, name=names.get(about.id, ""))
    more = msgspec.json.decode(told, type=Told) if told.startswith("{") else Told()
    return Entry(
        at=kept.at, workspace=kept.workspace, actor=msgspec.structs.replace(actor, address=_shown(origin)),
        action=kept.action, object=about, outcome=kept.outcome, before=more.before, after=more.after,
        why=more.why.replace(ACTOR, actor.name or actor.id).replace(OBJECT, (about.name or about.id) if about else ""),
    )  # fmt: skip


def _actor(actor: Actor) -> Actor:
    name = "" if actor.kind == "person" and actor.id else _word(actor.name)
    return msgspec.structs.replace(actor, name=name, address="")


def _object(about: Object | None) -> Object | None:
    if about is None:
        return None
    return Object(kind=_word(about.kind), id=_word(about.id), name="" if about.id else _word(about.name))


def _reason(entry: Entry) -> str:
    """Return the reason without the names of whoever acts and of the person it is about."""
    why = _keepable(entry.why)[:LONGEST_REASON]
    if entry.actor.kind == "person":
        why = _unnamed(why, entry.actor.name, ACTOR)
    return _unnamed(why, entry.object.name, OBJECT) if entry.object is not None and entry.object.id else why


def _unnamed(text: str, name: str, mark: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", mark, text) if name else text


def _text(value: Any) -> str:
    """Return what is kept: a text that stays as it was written. Whole numbers that are too large for JSON elsewhere keep
    their digits.
    """
    try:
        return msgspec.json.encode(value, order="sorted").decode()
    except (OverflowError, UnicodeEncodeError):
        return canonical_json(value)


def _state(state: Any) -> Any:
    """Return a state as it can be kept: of one that is too large, its size, its digest and how it begins."""
    if state is None:
        return None
    plain = msgspec.to_builtins(state)
    text = _text(plain)
    if len(text) <= LARGEST_STATE and not _UNKEEPABLE.search(text):
        return plain
    text = _keepable(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"cut": True, "size": len(text), "sha256": digest, "begins": text[:LEFT]}


def _word(text: str) -> str:
    return _keepable(text)[:LONGEST_WORD]


def _keepable(text: str) -> str:
    return _UNKEEPABLE.sub("�", text)


def _shown(origin: str) -> str:
    return "" if origin.startswith("erased:") else origin


def _without_nothing(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}
