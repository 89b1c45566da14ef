"""Promoting definitions from one workspace to another over HTTP, and what is bound in each."""

from typing import Annotated, Any

import msgspec

from auraos.api.definitions.definition_files import AppliedFiles, AppliedOne
from auraos.api.definitions.using import require_use
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Slug
from auraos.api.protocol.routes import Routes
from auraos.core.errors import UserError
from auraos.documents.definitions.applying import Wishes
from auraos.documents.definitions.bindings import Bindings
from auraos.documents.definitions.promoting import Pick, Promoting
from auraos.documents.definitions.rows import Binding, Bound
from auraos.security.access.authorize import Thing
from auraos.security.access.errors import NotAllowedError, NoWorkspaceError
from auraos.security.access.walls import everywhere

routes = Routes()

Given = Annotated[str, msgspec.Meta(pattern=f"^[a-z][a-z0-9_-]*{END}", max_length=100)]
Workspace = Annotated[str, msgspec.Meta(pattern=f"^[A-Za-z0-9_][A-Za-z0-9_.~-]*{END}", max_length=128)]


class NoBindingError(UserError):
    """Nothing is bound so."""

    code = "no-binding"


class BindingRefusedError(UserError):
    """This cannot be bound so."""

    code = "binding-refused"


class BindingAt(msgspec.Struct, frozen=True, kw_only=True):
    """Which variable or secret, in which definition; without one in all of them."""

    what: Bound
    given: Given
    kind: Slug | None = None
    name: Slug | None = None


class BindingGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands for a variable (any value) or a secret (the name of another one) in this workspace."""

    value: Any


class BindingDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One binding; without kind and name it holds in all definitions."""

    what: Bound
    given: str
    kind: str
    name: str
    value: Any
    at: int
    author: str

    @classmethod
    def of(cls, row: Binding) -> "BindingDetail":
        """Return what is shown of a binding."""
        value = msgspec.json.decode(row.value) if row.what == "variable" else row.value
        return cls(
            what=row.what, given=row.given, kind=row.kind, name=row.name, value=value, at=row.at, author=row.author
        )  # fmt: skip


class Picked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A definition to promote; without a version its live one."""

    kind: Slug
    name: Slug
    version: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0


class Promotion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is promoted to the workspace of the request, and from which."""

    source: Workspace
    items: Annotated[tuple[Picked, ...], msgspec.Meta(min_length=1, max_length=1000)]
    with_called: Annotated[bool, msgspec.Meta(description="With all that they call.")] = False
    publish: bool = True
    as_written: Annotated[
        tuple[Given, ...],
        msgspec.Meta(
            max_length=100,
            description="Variables that are bound there and not here, and keep the value of there.",
        ),
    ] = ()
    dry_run: Annotated[bool, msgspec.Meta(description="Say what would be done, and do nothing.")] = False
    break_others: bool = False
    note: Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*{END}", max_length=500)] = ""


class PromotedOne(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one definition, and what is bound in it."""

    source_version: int
    bound: tuple[str, ...]
    applied: AppliedOne


class PromotedAll(msgspec.Struct, frozen=True, kw_only=True):
    """What became of all of them."""

    items: tuple[PromotedOne, ...]


@routes.get("/api/v1/bindings", may="definitions.read")
async def list_bindings(ask: Ask) -> tuple[BindingDetail, ...]:
    """List what is bound in the workspace."""
    found = await Bindings(ask.desk.definitions).all(ask.workspace)
    return tuple(BindingDetail.of(each) for each in found)


@routes.put("/api/v1/bindings/{what}/{given}", may="definitions.bind", tells=("binding-refused",))
async def bind(ask: Ask, at: BindingAt, body: BindingGiven) -> BindingDetail:
    """Let a value stand for a variable, or a secret for another, in what is promoted to the workspace."""
    value = body.value
    if at.what == "secret":
        try:
            text = msgspec.convert(value, Slug)
        except msgspec.ValidationError as error:
            raise BindingRefusedError("A secret is bound to the name of another secret.") from error
    else:
        text = msgspec.json.encode(value).decode()
    if len(text) > 10_000:
        raise BindingRefusedError("The value is larger than the 10,000 characters that may be bound.")
    binding = _binding(ask, at, text)
    return BindingDetail.of(await Bindings(ask.desk.definitions).bind(ask.actor, binding))


@routes.delete(
    "/api/v1/bindings/{what}/{given}", may="definitions.bind", tells=("no-binding", "binding-refused")
)
async def unbind(ask: Ask, at: BindingAt) -> None:
    """Let a variable or secret stand for itself again."""
    if not await Bindings(ask.desk.definitions).unbind(ask.actor, _binding(ask, at, "")):
        raise NoBindingError(f"The {at.what} {at.given!r} is not bound so.", hint="List the bindings.")


@routes.post(
    "/api/v1/definitions/promote",
    may="definitions.apply",
    tells=(
        "no-workspace", "no-definition", "no-version", "definition-archived", "files-refused", "definition-changed",
        "definition-breaks-others", "promotion-refused", "review-needed",
    ),
)  # fmt: skip
async def promote_definitions(ask: Ask, body: Promotion) -> PromotedAll:
    """Publish versions of another workspace in this one, with what is bound here."""
    await _require_source(ask, body.source)
    wishes = Wishes(
        publish=body.publish, dry_run=body.dry_run, break_others=body.break_others, note=body.note
    )
    picks = [Pick(kind=each.kind, name=each.name, version=each.version) for each in body.items]
    promoting = Promoting(ask.desk.definitions)
    with everywhere():  # two workspaces are read, and whoever asks may read both
        prepared = await promoting.prepare(
            body.source, ask.workspace, picks, with_called=body.with_called, as_written=body.as_written
        )
    await require_use(ask, *(one.file.text for one in prepared))
    promoted = await promoting.promote(ask.actor, ask.workspace, prepared, wishes)
    shown = AppliedFiles.of([one.applied for one in promoted]).items
    return PromotedAll(
        items=tuple(
            PromotedOne(source_version=one.version_there, bound=one.bound, applied=applied)
            for one, applied in zip(promoted, shown, strict=True)
        )
    )


async def _require_source(ask: Ask, source: str) -> None:
    """Raise unless whoever asks may read all definitions of the workspace that they come from."""
    access = ask.desk.identity.access
    if await access.roles(source) is None:
        raise NoWorkspaceError.of(source)
    decision = await access.explain(ask.known, "definitions.read", source, Thing())
    if not decision.is_allowed:
        raise NotAllowedError(decision.why) if decision.knows_workspace else NoWorkspaceError.of(source)


def _binding(ask: Ask, at: BindingAt, value: str) -> Binding:
    if (at.kind is None) != (at.name is None):
        raise BindingRefusedError("A binding is of all definitions, or of one by its kind and name.")
    return Binding(
        workspace=ask.workspace, kind=at.kind or "", name=at.name or "", what=at.what, given=at.given, value=value
    )  # fmt: skip
