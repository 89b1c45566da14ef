"""What was and what hangs together, over HTTP: versions, revisions, differences, and who names whom."""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from auraos.api.definitions.definitions import (
    ABOUT,
    TELLS,
    DefinitionDetail,
    OneDefinition,
    ref_of,
    require_of_text,
    thing_of,
)
from auraos.api.definitions.using import require_use
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Limit
from auraos.api.protocol.routes import Routes
from auraos.core.problems import format_path
from auraos.documents.definitions.applying import Applying, Wishes
from auraos.documents.definitions.bundles import path_of
from auraos.documents.definitions.errors import NoVersionError
from auraos.documents.definitions.files import File
from auraos.documents.definitions.rows import (
    Edit,
    Published,
    Ref,
    Release,
    Revision,
    Use,
    UsedBy,
)
from auraos.documents.difference import Change, ChangeKind, Subject

routes = Routes()

Number = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Before = Annotated[int, msgspec.Meta(ge=0, le=2**53, description="Only those below; 0 for the newest.")]
Side = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^(draft|live|r?[1-9][0-9]{{0,8}}){END}",
        description="`draft`, `live`, a version as `3`, or a revision of the draft as `r7`.",
    ),
]


class OneVersion(OneDefinition, frozen=True, kw_only=True):
    """A published version."""

    version: Number


class OneRevision(OneDefinition, frozen=True, kw_only=True):
    """A draft as it was saved."""

    revision: Number


class VersionList(OneDefinition, frozen=True, kw_only=True):
    """Which versions to list."""

    before: Before = 0
    limit: Limit = 50


class RevisionList(OneDefinition, frozen=True, kw_only=True):
    """Which revisions to list."""

    before: Before = 0
    limit: Limit = 50


class Compared(OneDefinition, frozen=True, kw_only=True):
    """Which two texts of a definition to compare."""

    before: Side = "live"
    after: Side = "draft"


class Restoring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version becomes the draft again."""

    version: Number


class RollingBack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version is live again; without one the version before the live one."""

    version: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    note: Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*{END}", max_length=1000)] = ""
    break_others: bool = False


class VersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Published versions, the newest first; `next` asks for those below it, 0 when there are no more."""

    items: tuple[Release, ...]
    next: int = 0


class RevisionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Drafts as they were saved, the newest first; `next` asks for those below it, 0 when there are no more."""

    items: tuple[Edit, ...]
    next: int = 0


class OneChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that changed, in words and as data."""

    kind: ChangeKind
    subject: Subject
    path: str
    words: str
    before: Any = msgspec.UNSET
    after: Any = msgspec.UNSET

    @classmethod
    def of(cls, change: Change) -> "OneChange":
        """Return what is told of a change."""
        return cls(
            kind=change.kind,
            subject=change.subject,
            path=format_path(change.path),
            words=change.words,
            before=change.before,
            after=change.after,
        )


class DifferenceOf(msgspec.Struct, frozen=True, kw_only=True):
    """What changed from one text to another; what only moved on the canvas stands apart."""

    changes: tuple[OneChange, ...]
    layout: tuple[OneChange, ...]
    means_the_same: bool


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """Which definitions and secrets a definition names, in its draft and in its live version."""

    draft: tuple[Use, ...]
    live: tuple[Use, ...]


@routes.get("/api/v1/definitions/{kind}/{name}/versions", may="definitions.read", tells=TELLS, about=ABOUT)
async def list_versions(ask: Ask, at: VersionList) -> VersionPage:
    """List the published versions, the newest first."""
    found = tuple(await ask.desk.definitions.versions(ref_of(ask, at), before=at.before, limit=at.limit))
    return VersionPage(items=found, next=found[-1].version if len(found) == at.limit else 0)


@routes.get(
    "/api/v1/definitions/{kind}/{name}/versions/{version}",
    may="definitions.read",
    tells=(*TELLS, "no-version"),
    about=ABOUT,
)
async def show_version(ask: Ask, at: OneVersion) -> Published:
    """Show a published version."""
    return await ask.desk.definitions.version(ref_of(ask, at), at.version)


@routes.get("/api/v1/definitions/{kind}/{name}/revisions", may="definitions.read", tells=TELLS, about=ABOUT)
async def list_revisions(ask: Ask, at: RevisionList) -> RevisionPage:
    """List the drafts as they were saved, the newest first."""
    found = tuple(await ask.desk.definitions.revisions(ref_of(ask, at), before=at.before, limit=at.limit))
    return RevisionPage(items=found, next=found[-1].revision if len(found) == at.limit else 0)


@routes.get(
    "/api/v1/definitions/{kind}/{name}/revisions/{revision}",
    may="definitions.read",
    tells=(*TELLS, "no-version"),
    about=ABOUT,
)
async def show_revision(ask: Ask, at: OneRevision) -> Revision:
    """Show a draft as it was saved."""
    return await ask.desk.definitions.revision(ref_of(ask, at), at.revision)


@routes.get(
    "/api/v1/definitions/{kind}/{name}/diff",
    may="definitions.read",
    tells=(*TELLS, "no-version", "definition-refused"),
    about=ABOUT,
)
async def compare_definition(ask: Ask, at: Compared) -> DifferenceOf:
    """Show what changed between any two of draft, versions and revisions."""
    ref = ref_of(ask, at)
    found = await ask.desk.definitions.compare(
        await _text(ask, ref, at.before), await _text(ask, ref, at.after)
    )
    return DifferenceOf(
        changes=_told(found.changes), layout=_told(found.layout), means_the_same=found.means_the_same
    )


@routes.post(
    "/api/v1/definitions/{kind}/{name}/restore",
    may="definitions.save",
    tells=(*TELLS, "no-version", "definition-changed", "definition-archived"),
    over=True,
    about=ABOUT,
)
async def restore_version(ask: Ask, at: OneDefinition, body: Restoring) -> DefinitionDetail:
    """Make a published version the draft again."""
    text = (await ask.desk.definitions.version(ref_of(ask, at), body.version)).text
    await require_of_text(ask, "definitions.save", text)
    await require_use(ask, text)
    restored = await ask.desk.definitions.restore(
        ask.actor, ref_of(ask, at), version=body.version, revision=ask.revision
    )
    return DefinitionDetail.of(restored)


@routes.post(
    "/api/v1/definitions/{kind}/{name}/roll-back",
    may="definitions.publish",
    tells=(
        *TELLS, "no-version", "definition-changed", "definition-archived", "definition-breaks-others", "files-refused",
        "review-needed",
    ),
    about=ABOUT,
)  # fmt: skip
async def roll_back(ask: Ask, at: OneDefinition, body: RollingBack) -> Published:
    """Publish a former version again, as the newest one; the draft stays, joined with it where that can be done."""
    ref, definitions = ref_of(ask, at), ask.desk.definitions
    number = body.version or (await definitions.live(ref)).version - 1
    former = await definitions.version(ref, number) if number > 0 else None
    if former is None:
        raise NoVersionError(
            f"The {ref} has no version before the one that is live.", hint="List its versions."
        )
    await require_of_text(ask, "definitions.publish", former.text)
    await require_use(ask, former.text)
    note = body.note or f"Rolled back to version {number}"
    wishes = Wishes(keep_drafts=True, note=note, break_others=body.break_others, authors=former.authors)
    await Applying(definitions).apply(ask.actor, ask.workspace, [File(path_of(ref), former.text)], wishes)
    return await definitions.version(ref)


@routes.get("/api/v1/definitions/{kind}/{name}/uses", may="definitions.read", tells=TELLS, about=ABOUT)
async def show_uses(ask: Ask, at: OneDefinition) -> Links:
    """Show which definitions and secrets this one names."""
    ref, definitions = ref_of(ask, at), ask.desk.definitions
    return Links(
        draft=tuple(await definitions.uses(ref)), live=tuple(await definitions.uses(ref, is_live=True))
    )


@routes.get("/api/v1/definitions/{kind}/{name}/used-by", may="definitions.read", tells=TELLS, about=ABOUT)
async def show_users(ask: Ask, at: OneDefinition) -> tuple[UsedBy, ...]:
    """Show which definitions name this one, of those that whoever asks may see."""
    found = await ask.desk.definitions.used_by(ref_of(ask, at))
    scope = ask.scope("definitions.read")
    if scope.is_whole:
        return tuple(found)
    seen: list[UsedBy] = []
    for use in found:
        row = await ask.desk.definitions.store.find(Ref(ask.workspace, use.kind, use.name))
        if row is not None and scope.reaches(thing_of(row)):
            seen.append(use)
    return tuple(seen)


async def _text(ask: Ask, ref: Ref, side: str) -> str:
    definitions = ask.desk.definitions
    if side == "draft":
        return (await definitions.find(ref)).text
    if side.startswith("r"):
        return (await definitions.revision(ref, int(side[1:]))).text
    return (await definitions.version(ref, 0 if side == "live" else int(side))).text


def _told(changes: Iterable[Change]) -> tuple[OneChange, ...]:
    return tuple(OneChange.of(change) for change in changes)
