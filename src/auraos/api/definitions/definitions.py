"""Definitions over HTTP: the same routes for every kind."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec

from auraos.api.definitions.using import not_to_be_used, require_use
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Id, Limit, Slug
from auraos.api.protocol.problems import Finding, findings_of
from auraos.api.protocol.routes import About, Routes
from auraos.core.graph.check import in_order
from auraos.core.problems import Problem
from auraos.documents.definitions.checking import Checked
from auraos.documents.definitions.errors import NoDefinitionError, StaleDefinitionError
from auraos.documents.definitions.rows import Definition, Listed, Part, Published, Query, Ref, State
from auraos.security.access.authorize import Thing
from auraos.security.access.errors import NotFoundError

routes = Routes()

Text = Annotated[str, msgspec.Meta(max_length=2_000_000, description="The definition as it is written.")]
Label = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^[^\x00=]+(=[^\x00]*)?{END}",
        max_length=401,
        description="`team=sales`, or `team` for any value.",
    ),
]
Labels = Annotated[tuple[Label, ...], msgspec.Meta(max_length=10)]
TELLS = ("no-definition",)


class OneDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A definition, by kind and name."""

    kind: Slug
    name: Slug


class DefinitionList(msgspec.Struct, frozen=True, kw_only=True):
    """Which definitions to list."""

    kind: Slug | None = None
    q: Annotated[str, msgspec.Meta(max_length=200, description="Words that it has, or that begin so.")] = ""
    label: Labels = ()
    state: Annotated[tuple[State, ...], msgspec.Meta(max_length=4)] = ()
    owner: Annotated[str, msgspec.Meta(pattern=rf"^[0-9a-f-]*{END}", max_length=40)] = ""
    after: Annotated[
        str,
        msgspec.Meta(
            pattern=rf"^([a-z][a-z0-9-]*/[a-z][a-z0-9-]*)?{END}",
            max_length=201,
            description="`next` of the page before.",
        ),
    ] = ""
    limit: Limit = 50


class NewDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new definition; its text says of which kind it is and what it is called."""

    text: Text


class Draft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A draft to save over the revision that it was made from."""

    text: Text


class Publishing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Publish the draft as it is at the revision of `If-Match`."""

    note: Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*{END}", max_length=1000)] = ""
    break_others: Annotated[
        bool, msgspec.Meta(description="Publish also with what would break those that name it.")
    ] = False


class Owning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who owns it from now on."""

    owner: Id


class DefinitionPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of definitions; `next` asks for the one after it."""

    items: tuple[Listed, ...]
    next: str = ""


class DefinitionDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A definition with its draft."""

    kind: str
    name: str
    title: str
    labels: dict[str, str]
    owner: str
    state: State
    revision: int
    text: str
    version: int
    hash: str
    changed_at: int
    changed_by: str
    created_at: int
    published_at: int
    archived_at: int

    @classmethod
    def of(cls, row: Definition) -> "DefinitionDetail":
        """Return what is shown of a definition."""
        return cls(**{field: getattr(row, field) for field in cls.__struct_fields__})


class CheckText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text to check, kept nowhere."""

    text: Text
    kind: Slug | None = None


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """All that is wrong with a text; `ok` when it could be published."""

    ok: bool
    problems: tuple[Finding, ...]

    @classmethod
    def of(cls, checked: Checked, more: Sequence[Problem] = ()) -> "CheckResult":
        """Return what is told of a text that was checked, and in which `more` stands in the way of whoever asks."""
        return cls(
            ok=checked.document is not None and not checked.errors and not more,
            problems=findings_of(in_order([*checked.problems, *more])),
        )


class BrokenCaller(msgspec.Struct, frozen=True, kw_only=True):
    """A live definition that would not work any more, and why."""

    kind: str
    name: str
    problems: tuple[Finding, ...]


class DraftCheck(CheckResult, frozen=True, kw_only=True):
    """All that is wrong with a draft, and whom it would break; `ok` when it can be published as it is."""

    breaks: tuple[BrokenCaller, ...]


async def _thing(ask: Ask, at: OneDefinition) -> Thing | None:
    """Return what a definition is to those who may do something to some of them only."""
    row = await ask.desk.definitions.store.find(ref_of(ask, at))
    return None if row is None else thing_of(row)


async def draft_of(ask: Ask, at: OneDefinition) -> Definition:
    """Return the draft that whoever asks has read; what is looked at in it is what is published, and no later one."""
    row = await ask.desk.definitions.find(ref_of(ask, at))
    if row.revision != ask.revision:
        raise StaleDefinitionError(row)
    return row


def _missing(ask: Ask, at: OneDefinition) -> NoDefinitionError:
    return NoDefinitionError.of(ref_of(ask, at))


ABOUT = About(find=_thing, missing=_missing)
"""How a route knows its one definition."""


@routes.get("/api/v1/definitions", may="definitions.read", narrows=True)
async def list_definitions(ask: Ask, at: DefinitionList) -> DefinitionPage:
    """List definitions by kind and name."""
    kind, _, name = at.after.partition("/")
    query = Query(
        workspace=ask.workspace, kind=at.kind or "", words=tuple(at.q.split()), labels=labels_of(at.label),
        states=at.state, owner=at.owner, after=(kind, name), limit=at.limit + 1, within=within(ask, "definitions.read"),
    )  # fmt: skip
    found = tuple(await ask.desk.definitions.page(query))
    items = found[: at.limit]
    return DefinitionPage(
        items=items, next=f"{items[-1].kind}/{items[-1].name}" if len(found) > at.limit else ""
    )


@routes.post(
    "/api/v1/definitions",
    may="definitions.create",
    status=201,
    tells=("definition-exists", "definition-refused"),
    narrows=True,
)
async def create_definition(ask: Ask, body: NewDefinition) -> DefinitionDetail:
    """Keep a new definition as a draft."""
    await require_of_text(ask, "definitions.create", body.text)
    await require_use(ask, body.text)
    return DefinitionDetail.of(await ask.desk.definitions.create(ask.actor, ask.workspace, body.text))


@routes.get("/api/v1/definitions/{kind}/{name}", may="definitions.read", tells=TELLS, about=ABOUT)
async def show_definition(ask: Ask, at: OneDefinition) -> DefinitionDetail:
    """Show a definition with its draft."""
    return DefinitionDetail.of(await ask.desk.definitions.find(ref_of(ask, at)))


@routes.put(
    "/api/v1/definitions/{kind}/{name}/draft",
    may="definitions.save",
    tells=(*TELLS, "definition-changed", "definition-refused", "definition-archived"),
    over=True,
    about=ABOUT,
)
async def save_draft(ask: Ask, at: OneDefinition, body: Draft) -> DefinitionDetail:
    """Save a draft over the revision that it was made from."""
    await require_of_text(ask, "definitions.save", body.text)
    await require_use(ask, body.text)
    saved = await ask.desk.definitions.save(ask.actor, ref_of(ask, at), body.text, revision=ask.revision)
    return DefinitionDetail.of(saved)


@routes.get("/api/v1/definitions/{kind}/{name}/check", may="definitions.read", tells=TELLS, about=ABOUT)
async def check_draft(ask: Ask, at: OneDefinition) -> DraftCheck:
    """Check a draft, and whom it would break if it were published."""
    checked, broken = await ask.desk.definitions.broken_by(ref_of(ask, at))
    told = CheckResult.of(checked, await not_to_be_used(ask, checked.text))
    breaks = tuple(
        BrokenCaller(kind=one.kind, name=one.name, problems=findings_of(one.problems)) for one in broken
    )
    return DraftCheck(ok=told.ok and not breaks, problems=told.problems, breaks=breaks)


@routes.post(
    "/api/v1/definitions/{kind}/{name}/publish",
    may="definitions.publish",
    tells=(
        *TELLS,
        "definition-refused",
        "definition-changed",
        "definition-archived",
        "definition-breaks-others",
        "review-needed",
    ),
    over=True,
    about=ABOUT,
)
async def publish_definition(ask: Ask, at: OneDefinition, body: Publishing) -> Published:
    """Publish the draft, if nothing is wrong with it."""
    await require_use(ask, (await draft_of(ask, at)).text)
    return await ask.desk.definitions.publish(
        ask.actor, ref_of(ask, at), revision=ask.revision, note=body.note, break_others=body.break_others
    )


@routes.post(
    "/api/v1/definitions/{kind}/{name}/archive",
    may="definitions.archive",
    tells=(*TELLS, "definition-used"),
    about=ABOUT,
)
async def archive_definition(ask: Ask, at: OneDefinition) -> DefinitionDetail:
    """Put a definition away; refused while a live version names it."""
    return DefinitionDetail.of(await ask.desk.definitions.archive(ask.actor, ref_of(ask, at)))


@routes.post(
    "/api/v1/definitions/{kind}/{name}/bring-back",
    may="definitions.bring-back",
    tells=(*TELLS, "definition-refused"),
    about=ABOUT,
)
async def bring_back_definition(ask: Ask, at: OneDefinition) -> DefinitionDetail:
    """Bring back a definition that was put away."""
    await require_use(ask, (await ask.desk.definitions.find(ref_of(ask, at))).text)
    return DefinitionDetail.of(await ask.desk.definitions.bring_back(ask.actor, ref_of(ask, at)))


@routes.put(
    "/api/v1/definitions/{kind}/{name}/owner",
    may="definitions.give",
    tells=(*TELLS, "not-found"),
    about=ABOUT,
)
async def give_definition(ask: Ask, at: OneDefinition, body: Owning) -> DefinitionDetail:
    """Let somebody else own a definition, who belongs to the workspace."""
    if body.owner not in await ask.desk.identity.belonging(ask.workspace):
        raise NotFoundError.of("person or service account", body.owner)
    return DefinitionDetail.of(await ask.desk.definitions.give(ask.actor, ref_of(ask, at), body.owner))


@routes.post("/api/v1/check", may="definitions.check", narrows=True)
async def check_text(ask: Ask, body: CheckText) -> CheckResult:
    """Check a text beside the definitions of the workspace, and keep it nowhere."""
    checked = await ask.desk.definitions.check(ask.workspace, body.text, body.kind or "")
    return CheckResult.of(checked, await not_to_be_used(ask, body.text))


def ref_of(ask: Ask, at: OneDefinition) -> Ref:
    """Return which definition is asked for."""
    return Ref(ask.workspace, at.kind, at.name)


def thing_of(row: Definition) -> Thing:
    """Return what a definition is to those who may do something to some of them only."""
    return Thing(kind=row.kind, name=row.name, labels=row.labels)


def labels_of(labels: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return labels as they were asked for, `team=sales` or `team`."""
    return tuple((label.partition("=")[0], label.partition("=")[2]) for label in labels)


def within(ask: Ask, action: str) -> tuple[Part, ...] | None:
    """Return the parts of the workspace that whoever asks may do this to; None for the whole."""
    scope = ask.scope(action)
    if scope.is_whole:
        return None
    return tuple(
        Part(kind=grant.kind, name=grant.name, labels=tuple(grant.labels.items())) for grant in scope.parts
    )


async def require_of_text(ask: Ask, action: str, text: str) -> None:
    """Raise `NotAllowedError` for a text that would make the definition one to which whoever asks may not do this."""
    if ask.scope(action).is_whole:
        return
    document = (await ask.desk.definitions.checker.read(text)).document
    if document is not None:
        ask.require(action, Thing(kind=document.kind, name=document.name, labels=document.labels))
