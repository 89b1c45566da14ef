"""What is kept of definitions, as data."""

from typing import Literal, TypeAlias

import msgspec

State: TypeAlias = Literal["draft", "live", "changed", "archived"]
"""A definition was never published, is live as its draft stands, is live with a draft that differs, or was put away."""


class Ref(msgspec.Struct, frozen=True):
    """The place of a definition: its workspace, kind and name."""

    workspace: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A definition as it stands now: its draft, and which version is live."""

    id: int
    workspace: str
    kind: str
    name: str
    title: str = ""
    labels: dict[str, str] = {}
    owner: str = ""
    revision: int
    """Counts the changes of the draft."""
    text: str
    meaning: str = ""
    """The hash of the draft as it would be published; empty while it cannot be read."""
    changed_at: int
    changed_by: str = ""
    created_at: int
    version: int = 0
    """The version that is live; 0 for none."""
    hash: str = ""
    """Of the live version."""
    published_at: int = 0
    archived_at: int = 0
    authors: tuple[str, ...] = ()
    """The ids of all who changed the draft since it was published last; an empty one for somebody whom nobody here knows."""

    @property
    def ref(self) -> Ref:
        return Ref(self.workspace, self.kind, self.name)

    @property
    def state(self) -> State:
        if self.archived_at:
            return "archived"
        if not self.version:
            return "draft"
        return "live" if self.meaning == self.hash else "changed"


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A version: what was published, when, by whom and why. It never changes."""

    version: int
    hash: str
    text: str
    step_types: dict[str, int]
    at: int
    author: str
    note: str = ""
    authors: tuple[str, ...] = ()
    """The ids of all who wrote it."""


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A version as lists show it, without its text."""

    version: int
    hash: str
    at: int
    author: str
    note: str = ""


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """Which version is live; 0 for none."""

    version: int
    hash: str
    is_archived: bool


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """A draft as somebody saved it."""

    revision: int
    text: str
    at: int
    author: str


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A revision as lists show it, without its text."""

    revision: int
    at: int
    author: str


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One definition names another one at a place of its text."""

    kind: str
    name: str
    place: str = ""


class UsedBy(msgspec.Struct, frozen=True, kw_only=True):
    """A definition that names this one, live or in its draft."""

    kind: str
    name: str
    place: str
    is_live: bool


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the definitions of a workspace: of a kind, of one name, with these labels, as far as each is given."""

    kind: str = ""
    name: str = ""
    labels: tuple[tuple[str, str], ...] = ()


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which definitions to list, and from where on."""

    workspace: str
    kind: str = ""
    words: tuple[str, ...] = ()
    """Each must begin a word of its name, title, labels, description or text."""
    labels: tuple[tuple[str, str], ...] = ()
    """(label, value); an empty value means any."""
    states: tuple[State, ...] = ()
    """Without any: all but the archived."""
    owner: str = ""
    within: tuple[Part, ...] | None = None
    """Only what is in one of these parts; None for all."""
    after: tuple[str, str] = ("", "")
    """(kind, name) of the last one of the page before."""
    limit: int = 50


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A definition as lists show it."""

    kind: str
    name: str
    title: str
    labels: dict[str, str]
    owner: str
    state: State
    version: int
    revision: int
    changed_at: int
    changed_by: str
    published_at: int
    archived_at: int


class Saving(msgspec.Struct, frozen=True, kw_only=True):
    """All that one change of a definition writes. It holds only while the row is as it was."""

    before: Definition | None
    """None where there must be no such definition yet."""
    after: Definition
    words: str = ""
    """What a search finds it by."""
    draft_uses: tuple[Use, ...] | None = None
    """What the draft names now; None where that did not change."""
    published: Published | None = None
    live_uses: tuple[Use, ...] | None = None
    needs: tuple[Ref, ...] = ()
    """These must be live when it is written, for what is published names them."""
    unused: bool = False
    """Whether no live version of another definition may name it when it is written."""
    review: "Review | None" = None
    """The approval by which it is published; it is good once."""


Bound: TypeAlias = Literal["variable", "secret"]


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """One variable or secret, and what stands for it in a workspace: in all definitions, or in one of them."""

    workspace: str
    kind: str = ""
    name: str = ""
    """The definition; both are empty for all."""
    what: Bound
    given: str
    """The name of the variable, or of the secret, as definitions have it."""
    value: str
    """The value as JSON, or the name of the secret here."""
    at: int = 0
    author: str = ""


ReviewState: TypeAlias = Literal["waiting", "approved", "refused", "used"]


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's yes to a draft."""

    id: str
    """Of the person."""
    name: str
    at: int
    comment: str = ""


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """The question whether a draft may be published, as it is at one revision and at no other."""

    workspace: str
    kind: str
    name: str
    revision: int
    digest: str
    """Of the text that is asked for: a yes is for this and nothing else."""
    needed: int
    """So many people must say yes."""
    state: ReviewState = "waiting"
    note: str = ""
    asked_at: int
    asked_by: str
    approvals: tuple[Approval, ...] = ()
    ended_at: int = 0
    ended_by: str = ""
    comment: str = ""
    """Why it was refused."""

    @property
    def ref(self) -> Ref:
        return Ref(self.workspace, self.kind, self.name)
