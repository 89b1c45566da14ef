"""What is asked and answered about the audit trail."""

from typing import Annotated, Any

import msgspec

from auraos.api.protocol.names import END, Limit, Moment
from auraos.core.audit import Actor, Object, Outcome
from auraos.security.audit.reporting import Count, Ends, Report, family_of
from auraos.security.audit.signing import KnownKey
from auraos.security.audit.store import Checkpoint, Filter
from auraos.security.audit.trail import Form, Shown

Who = Annotated[
    str, msgspec.Meta(max_length=300, description="The name or the id of a person or service account.")
]
What = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^([a-z-]+\.([a-z-]+|\*))?{END}",
        max_length=100,
        description="As in `secrets.replace` or `secrets.*`.",
    ),
]
About = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^([a-z-]+/[^\x00-\x1f]+)?{END}",
        max_length=400,
        description="As in `secret/mailer` or `secret/*`.",
    ),
]
Words = Annotated[str, msgspec.Meta(max_length=200, description="What stands somewhere in it.")]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are wanted."""

    who: Who = ""
    action: What = ""
    object: About = ""
    outcome: Outcome | None = None
    since: Moment | None = None
    until: Moment | None = None
    """Entries of this moment are not among them."""
    text: Words = ""

    def filter(self, workspace: str | None) -> Filter:
        """Return it as the trail is asked, for one workspace or for all."""
        return Filter(
            workspace=workspace, actor=self.who, action=self.action, object=self.object, outcome=self.outcome or "",
            since=self.since, until=self.until, text=self.text,
        )  # fmt: skip


class EntryList(Wanted, frozen=True, kw_only=True):
    """Which entries to list, the newest first."""

    after: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    """The number of the last entry of the page before."""
    limit: Limit = 100


class Exporting(Wanted, frozen=True, kw_only=True):
    """Which entries to write out, and how."""

    form: Form = "jsonl"


class OneEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry, by number."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class EntryShown(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the audit trail."""

    seq: int
    at: int
    workspace: str
    """Empty where it concerns the whole installation."""
    family: str
    actor: Actor
    action: str
    object: Object | None
    outcome: Outcome
    why: str
    before: Any
    after: Any
    hash: str
    is_erased: bool

    @classmethod
    def of(cls, shown: Shown) -> "EntryShown":
        """Return an entry as it is told."""
        entry = shown.entry
        return cls(
            seq=shown.seq, at=entry.at, workspace=entry.workspace, family=family_of(entry.action), actor=entry.actor,
            action=entry.action, object=entry.object, outcome=entry.outcome, why=entry.why, before=entry.before,
            after=entry.after, hash=shown.hash, is_erased=shown.is_erased,
        )  # fmt: skip


class EntryPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of entries, the newest first; `next` asks for the one after it."""

    items: tuple[EntryShown, ...]
    next: int | None = None

    @classmethod
    def of(cls, found: list[Shown], limit: int) -> "EntryPage":
        """Return a page, from entries of which there may be one too many."""
        items = tuple(EntryShown.of(each) for each in found[:limit])
        return cls(items=items, next=items[-1].seq if len(found) > limit else None)


class ReportShown(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in a period."""

    since: int | None
    until: int | None
    entries: int
    outcomes: dict[str, int]
    families: dict[str, int]
    refused_sign_ins: int
    counts: tuple[Count, ...]
    refusals: tuple[Count, ...]
    notable: tuple[EntryShown, ...]
    ends: Ends

    @classmethod
    def of(cls, made: Report) -> "ReportShown":
        """Return a report as it is told."""
        notable = tuple(EntryShown.of(each) for each in made.notable)
        return cls(**{**msgspec.structs.asdict(made), "notable": notable})


class Heads(msgspec.Struct, frozen=True, kw_only=True):
    """The heads that were signed, in order; `next` asks for those after."""

    items: tuple[Checkpoint, ...]
    keys: tuple[KnownKey, ...]
    """The public halves of the keys that signed here."""
    next: int | None = None


class HeadList(msgspec.Struct, frozen=True, kw_only=True):
    """Which signed heads to list."""

    after: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    limit: Limit = 100


class Pruning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to when entries are let go."""

    older_than_days: Annotated[int, msgspec.Meta(ge=30, le=36500)]


class PrunedShown(msgspec.Struct, frozen=True, kw_only=True):
    """What was let go: all entries up to a number; 0 for none."""

    until: int
    entries: int
