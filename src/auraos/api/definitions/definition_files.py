"""Definitions as files over HTTP: one text, bundles, and folders that are applied."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from auraos.api.definitions.definitions import (
    ABOUT,
    TELLS,
    Labels,
    OneDefinition,
    Text,
    labels_of,
    ref_of,
    within,
)
from auraos.api.definitions.using import require_use
from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import BASE64, END, Slug
from auraos.api.protocol.problems import Finding, findings_of
from auraos.api.protocol.routes import Routes
from auraos.documents.definitions.applying import Applied, Applying, What, Wishes
from auraos.documents.definitions.bundles import pack, unpack
from auraos.documents.definitions.exporting import Side, export
from auraos.documents.definitions.files import MOST_FILES, File
from auraos.documents.definitions.importing import Became, Conflicts, Importing, Needed
from auraos.documents.definitions.rows import Query

routes = Routes()


class TextOf(OneDefinition, frozen=True, kw_only=True):
    """Which text of a definition: its draft, or its live version."""

    of: Side = "draft"


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """Which definitions a bundle is made of, and whether of their drafts or their live versions."""

    of: Side = "draft"
    kind: Slug | None = None
    label: Labels = ()


class FileGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file: its path, by which problems are told, and its text."""

    path: Annotated[str, msgspec.Meta(max_length=1000)]
    text: Text


Files = Annotated[tuple[FileGiven, ...], msgspec.Meta(max_length=MOST_FILES)]


class Applicable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder, and how it is applied."""

    files: Files
    publish: Annotated[bool, msgspec.Meta(description="False keeps drafts only.")] = True
    prune: Annotated[bool, msgspec.Meta(description="Archive what is not among the files.")] = False
    label: Annotated[
        Labels,
        msgspec.Meta(description="Of the definitions with these labels only, archive what is not here."),
    ] = ()
    dry_run: Annotated[bool, msgspec.Meta(description="Say what would be done, and do nothing.")] = False
    break_others: bool = False
    keep_drafts: Annotated[
        bool,
        msgspec.Meta(
            description="Leave drafts that differ from what is live, joined with what is published."
        ),
    ] = False
    note: Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*{END}", max_length=1000)] = ""


class Comparable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder to hold against the drafts of the workspace."""

    files: Files
    label: Labels = ()


class Importable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Definitions of another place: as a bundle, as files, or both."""

    files: Files = ()
    bundle: Annotated[
        bytes,
        msgspec.Meta(description="What an export gave, in base64.", extra_json_schema={"pattern": BASE64}),
    ] = b""
    conflicts: Annotated[
        Conflicts,
        msgspec.Meta(description="Where a name is taken: leave that, replace its draft, or rename."),
    ] = "skip"
    dry_run: bool = False


class AppliedOne(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one definition, in words."""

    kind: str
    name: str
    file: str
    what: What
    version: int
    is_published: bool
    words: tuple[str, ...]
    warnings: tuple[Finding, ...]


class AppliedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What became of all of them."""

    items: tuple[AppliedOne, ...]

    @classmethod
    def of(cls, applied: Sequence[Applied]) -> "AppliedFiles":
        """Return what is told of a folder."""
        return cls(
            items=tuple(
                AppliedOne(
                    kind=one.kind, name=one.name, file=one.file, what=one.what, version=one.version,
                    is_published=one.is_published, words=one.words, warnings=findings_of(one.warnings),
                )
                for one in applied
            )
        )  # fmt: skip


class ImportedOne(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one definition that was imported, what it needs here, and what is wrong with it."""

    kind: str
    name: str
    file: str
    was: str
    what: Became
    words: tuple[str, ...]
    needs: tuple[Needed, ...]
    problems: tuple[Finding, ...]


class ImportedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What became of all of them."""

    items: tuple[ImportedOne, ...]


@routes.get(
    "/api/v1/definitions/{kind}/{name}/text",
    may="definitions.read",
    tells=(*TELLS, "no-version"),
    gives="application/yaml",
    about=ABOUT,
)
async def export_definition(ask: Ask, at: TextOf) -> Answer:
    """Export one definition as a file."""
    ref, definitions = ref_of(ask, at), ask.desk.definitions
    text = (await definitions.find(ref) if at.of == "draft" else await definitions.version(ref)).text
    return _download(text.encode(), "application/yaml", f"{ref.name}.yaml")


@routes.get(
    "/api/v1/definitions/export",
    may="definitions.read",
    tells=("definition-refused",),
    gives="application/zip",
    narrows=True,
)
async def export_definitions(ask: Ask, at: Exported) -> Answer:
    """Export many definitions as a bundle; the same texts give the same bytes."""
    query = Query(
        workspace=ask.workspace,
        kind=at.kind or "",
        labels=labels_of(at.label),
        within=within(ask, "definitions.read"),
    )
    files = await export(ask.desk.definitions, query, at.of)
    return _download(pack(files), "application/zip", f"{ask.workspace}.zip")


@routes.post(
    "/api/v1/definitions/apply",
    may="definitions.apply",
    tells=(
        "files-refused",
        "definition-refused",
        "definition-changed",
        "definition-breaks-others",
        "review-needed",
    ),
)
async def apply_files(ask: Ask, body: Applicable) -> AppliedFiles:
    """Make the workspace say what these files say, all at once or not at all."""
    wishes = Wishes(
        publish=body.publish, prune=body.prune, labels=labels_of(body.label), dry_run=body.dry_run,
        break_others=body.break_others, keep_drafts=body.keep_drafts, note=body.note,
    )  # fmt: skip
    await require_use(ask, *(file.text for file in body.files))
    applying = Applying(ask.desk.definitions)
    return AppliedFiles.of(await applying.apply(ask.actor, ask.workspace, _files(body.files), wishes))


@routes.post(
    "/api/v1/definitions/diff", may="definitions.check", tells=("files-refused", "definition-refused")
)
async def compare_files(ask: Ask, body: Comparable) -> AppliedFiles:
    """Say how files differ from the drafts of the workspace."""
    applying = Applying(ask.desk.definitions)
    return AppliedFiles.of(
        await applying.difference(ask.workspace, _files(body.files), labels_of(body.label))
    )


@routes.post(
    "/api/v1/definitions/import",
    may="definitions.import",
    tells=("files-refused", "bundle-refused", "definition-refused", "definition-changed"),
)
async def import_definitions(ask: Ask, body: Importable) -> ImportedFiles:
    """Keep definitions of another place as drafts."""
    files = [*_files(body.files), *(unpack(body.bundle) if body.bundle else ())]
    await require_use(ask, *(file.text for file in files))
    imported = await Importing(ask.desk.definitions).bring(
        ask.actor, ask.workspace, files, conflicts=body.conflicts, dry_run=body.dry_run
    )
    return ImportedFiles(
        items=tuple(
            ImportedOne(
                kind=one.kind, name=one.name, file=one.file, was=one.was, what=one.what, words=one.words,
                needs=one.needs, problems=findings_of(one.problems),
            )
            for one in imported
        )
    )  # fmt: skip


def _files(given: Sequence[FileGiven]) -> list[File]:
    return [File(one.path, one.text) for one in given]


def _download(data: bytes, kind: str, name: str) -> Answer:
    return Answer(200, data, kind, {"content-disposition": f'attachment; filename="{name}"'})
