"""Definitions over HTTP: the same routes for every kind."""

from typing import Annotated

import msgspec

from auraos.api.asking import Ask
from auraos.api.problems import Finding, findings_of
from auraos.api.routes import Routes
from auraos.documents.definitions.rows import Definition, Listed, Published, Query, Ref, State, UsedBy

routes = Routes()

Name = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]*$", max_length=100)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Text = Annotated[
    str, msgspec.Meta(max_length=2 * 1024 * 1024, description="The definition as it is written.")
]
TELLS = ("no-definition",)


class OneDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A definition, by kind and name."""

    kind: Name
    name: Name


class OneVersion(OneDefinition, frozen=True, kw_only=True):
    """A published version."""

    version: Annotated[int, msgspec.Meta(ge=1)]


class DefinitionList(msgspec.Struct, frozen=True, kw_only=True):
    """Which definitions to list."""

    kind: Name | None = None
    q: Annotated[str, msgspec.Meta(max_length=200, description="Words that it has.")] = ""
    label: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=200)], ...],
        msgspec.Meta(max_length=10, description="`team=sales`, or `team` for any value."),
    ] = ()
    state: tuple[State, ...] = ()
    owner: str = ""
    after: Annotated[str, msgspec.Meta(max_length=300, description="`next` of the page before.")] = ""
    limit: Limit = 50


class NewDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new definition; its text says of which kind it is and what it is called."""

    text: Text


class Draft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A draft to save over the revision that it was made from."""

    text: Text


class Publishing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Publish the draft as it is at the revision of `If-Match`."""

    note: Annotated[str, msgspec.Meta(max_length=1000)] = ""


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
    kind: Name | None = None


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """All that is wrong with a text; `ok` when it could be published."""

    ok: bool
    problems: tuple[Finding, ...]


@routes.get("/api/v1/definitions", may="definitions.read")
async def list_definitions(ask: Ask, at: DefinitionList) -> DefinitionPage:
    """List definitions by kind and name."""
    kind, _, name = at.after.partition("/")
    labels = tuple((label.partition("=")[0], label.partition("=")[2]) for label in at.label)
    query = Query(
        workspace=ask.workspace, kind=at.kind or "", words=tuple(at.q.split()), labels=labels, states=at.state,
        owner=at.owner, after=(kind, name), limit=at.limit + 1,
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
)
async def create_definition(ask: Ask, body: NewDefinition) -> DefinitionDetail:
    """Keep a new definition as a draft."""
    return DefinitionDetail.of(await ask.desk.definitions.create(ask.actor, ask.workspace, body.text))


@routes.get("/api/v1/definitions/{kind}/{name}", may="definitions.read", tells=TELLS)
async def show_definition(ask: Ask, at: OneDefinition) -> DefinitionDetail:
    """Show a definition with its draft."""
    return DefinitionDetail.of(await ask.desk.definitions.find(_ref(ask, at)))


@routes.put(
    "/api/v1/definitions/{kind}/{name}/draft",
    may="definitions.save",
    tells=(*TELLS, "definition-changed"),
    over=True,
)
async def save_draft(ask: Ask, at: OneDefinition, body: Draft) -> DefinitionDetail:
    """Save a draft over the revision that it was made from."""
    saved = await ask.desk.definitions.save(ask.actor, _ref(ask, at), body.text, revision=ask.revision)
    return DefinitionDetail.of(saved)


@routes.post(
    "/api/v1/definitions/{kind}/{name}/publish",
    may="definitions.publish",
    tells=(*TELLS, "definition-refused", "definition-changed"),
    over=True,
)
async def publish_definition(ask: Ask, at: OneDefinition, body: Publishing) -> Published:
    """Publish the draft, if nothing is wrong with it."""
    return await ask.desk.definitions.publish(ask.actor, _ref(ask, at), revision=ask.revision, note=body.note)


@routes.get(
    "/api/v1/definitions/{kind}/{name}/versions/{version}",
    may="definitions.read",
    tells=(*TELLS, "no-version"),
)
async def show_version(ask: Ask, at: OneVersion) -> Published:
    """Show a published version."""
    return await ask.desk.definitions.version(_ref(ask, at), at.version)


@routes.get("/api/v1/definitions/{kind}/{name}/used-by", may="definitions.read", tells=TELLS)
async def show_users(ask: Ask, at: OneDefinition) -> tuple[UsedBy, ...]:
    """Show which definitions name this one."""
    return tuple(await ask.desk.definitions.used_by(_ref(ask, at)))


@routes.post(
    "/api/v1/definitions/{kind}/{name}/archive", may="definitions.archive", tells=(*TELLS, "definition-used")
)
async def archive_definition(ask: Ask, at: OneDefinition) -> DefinitionDetail:
    """Put a definition away; refused while a live version names it."""
    return DefinitionDetail.of(await ask.desk.definitions.archive(ask.actor, _ref(ask, at)))


@routes.post("/api/v1/check", may="definitions.check")
async def check_text(ask: Ask, body: CheckText) -> CheckResult:
    """Check a text, and keep it nowhere."""
    checked = await ask.desk.definitions.check(ask.workspace, body.text, body.kind or "")
    return CheckResult(ok=not checked.errors, problems=findings_of(checked.problems))


def _ref(ask: Ask, at: OneDefinition) -> Ref:
    return Ref(ask.workspace, at.kind, at.name)
