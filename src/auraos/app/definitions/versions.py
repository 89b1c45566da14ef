"""Definitions out of a folder: `call` finds workflows beside the file by their names; versions become programs.

The engine keeps the text of every version it started a run on, so a run goes on after its file was changed or deleted.
"""

from pathlib import Path

from auraos.app.definitions.folder_index import BrokenDefinitionError, FolderIndex
from auraos.core.catalogue import Catalogue
from auraos.core.document import Document, content_hash, read_document
from auraos.core.graph import read_workflow, resolved_types
from auraos.core.lookups import Lookups
from auraos.core.problems import Severity
from auraos.core.run import Program, compile_workflow
from auraos.core.workflow import Workflow
from auraos.engine.definitions import TRIAL, called_workflows
from auraos.engine.ports import NotFoundError, Version


class Compiled:
    """The programs of versions, each made once, with the step types that it was published with."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._programs: dict[str, Program] = {}
        self.lookups = Lookups()

    def of(self, version: Version) -> Program:
        """Return the program of a version; raise `BrokenDefinitionError` when this installation cannot run it."""
        program = self._programs.get(version.hash)
        if program is not None:
            self.lookups.hits += 1
        else:
            self.lookups.misses += 1
            named = f"{version.name!r}, version {version.hash[:12]}"
            document, workflow = _workflow_of(version.text, self._catalogue)
            if document is None or workflow is None:
                message = f"The text of {named}, cannot be read by this installation."
                raise BrokenDefinitionError(message, hint="A step type that it uses may not be installed.")
            self._refuse_changed_types(named, version)
            program = compile_workflow(workflow, self._catalogue, version=version.hash)
            if not version.hash.startswith(TRIAL):
                self._programs[version.hash] = program
        return program

    def _refuse_changed_types(self, named: str, version: Version) -> None:
        for written, number in version.step_types.items():
            name = written.partition("@")[0]
            installed = self._catalogue.find(name)
            if installed is not None and installed.version != number:
                raise BrokenDefinitionError(
                    f"{named}, was published with {name}@{number}, and {name}@{installed.version} is installed.",
                    hint="Publish it again to use that one, or install the plugin of before.",
                )


class FolderDefinitions:
    """The workflows of one folder, and of texts that were handed over."""

    def __init__(self, folder: Path | None, catalogue: Catalogue) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._index = FolderIndex(folder, "workflow")
        self._read: dict[str, Workflow | None] = {}
        self._made: dict[str, Version] = {}
        self._versions: dict[str, Version] = {}
        self._programs = Compiled(catalogue)

    def add(self, text: str) -> Version:
        """Take a text into use, before whatever the folder has under its name; return its version."""
        version = make_version(text, self._catalogue)
        self._versions[version.name] = version
        return version

    def find_workflow(self, name: str) -> Workflow | None:
        """Return the workflow of this name; None if the folder has none, or its text cannot be read."""
        bare = name.partition("@")[0]
        if bare not in self._read:
            text = self._text_of(bare)
            self._read[bare] = _workflow_of(text, self._catalogue)[1] if text is not None else None
        return self._read[bare]

    async def resolve(self, workspace: str, name: str) -> Version:  # noqa: ARG002 (a folder is one workspace)
        """Return the version that stands in the folder under this name now."""
        bare, at, number = name.partition("@")
        if at and number != "latest":
            message = f"{name!r} pins a version, and files of a folder have no version numbers."
            raise NotFoundError(message, hint=f"Write {bare!r}; numbered versions need a server.")
        text = self._text_of(bare)
        if text is None:
            raise NotFoundError(
                f"There is no workflow named {bare!r}.", hint=self._where_it_is_looked_for(bare)
            )
        if bare in self._versions:
            return self._versions[bare]
        made = self._made.get(bare)
        if made is None or made.text != text:
            made = self._made[bare] = make_version(text, self._catalogue)
        return made

    def compile(self, version: Version) -> Program:
        """Return the program of a version; it is made once."""
        return self._programs.of(version)

    async def called(self, version: Version) -> list[Version]:
        """Return the versions of all workflows that this one calls, and those that they call; missing ones are left out."""
        found: dict[str, Version] = {}
        waiting = [version]
        while waiting:
            program = self.compile(waiting.pop())
            for name in called_workflows(program):
                if name not in found and self._text_of(name.partition("@")[0]) is not None:
                    found[name] = await self.resolve("default", name)
                    waiting.append(found[name])
        return list(found.values())

    def _where_it_is_looked_for(self, name: str) -> str:
        if self._folder is None:
            return "List what was published, or publish it first."
        return f"A file in {self._folder} must say `name: {name}` and `kind: workflow`."

    def _text_of(self, name: str) -> str | None:
        if name in self._versions:
            return self._versions[name].text
        return self._index.text(name)


def make_version(text: str, catalogue: Catalogue) -> Version:
    """Return the version that a text is; raise `UserError` for one that cannot be read."""
    document, workflow = _workflow_of(text, catalogue)
    if document is None or workflow is None:
        raise BrokenDefinitionError("The text is no workflow that can be read.", hint="See `auraos check`.")
    types = resolved_types(workflow, catalogue)
    return Version(
        hash=content_hash(document, types), kind="workflow", name=document.name, text=text, step_types=types
    )


def _workflow_of(text: str, catalogue: Catalogue) -> tuple[Document | None, Workflow | None]:
    document, problems = read_document(text, ("workflow",))
    if document is None or any(problem.severity is Severity.ERROR for problem in problems):
        return None, None
    workflow, _ = read_workflow(document, catalogue)
    return document, workflow
