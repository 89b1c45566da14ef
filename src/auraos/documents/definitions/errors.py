"""Why something cannot be done with a definition."""

from collections.abc import Sequence

from auraos.core.errors import UserError
from auraos.core.problems import Problem
from auraos.documents.definitions.rows import Definition, Ref


class NoDefinitionError(UserError):
    """There is no such definition here."""

    code = "no-definition"

    @classmethod
    def of(cls, ref: Ref) -> "NoDefinitionError":
        """Return what is told of a definition that is not there."""
        return cls(f"There is no {ref} in this workspace.", hint="List what there is.")


class NoVersionError(UserError):
    """The definition has no such version or revision."""

    code = "no-version"


class DefinitionExistsError(UserError):
    """A definition of this kind and name is there already."""

    code = "definition-exists"


class DefinitionRefusedError(UserError):
    """A text cannot be kept or published as it stands; `problems` says all that is wrong with it."""

    code = "definition-refused"

    def __init__(self, message: str, problems: Sequence[Problem], *, hint: str = "") -> None:
        super().__init__(message, hint=hint, problems=tuple(problems))
        self.problems = tuple(problems)


class StaleDefinitionError(UserError):
    """Somebody changed the definition since it was read; `merged` joins both changes where that can be done."""

    code = "definition-changed"

    def __init__(
        self, current: Definition, *, merged: str | None = None, conflicts: Sequence[str] = ()
    ) -> None:
        who = f" by {current.changed_by}" if current.changed_by else ""
        super().__init__(
            f"The {current.ref} was changed{who} since you read it: it is at revision {current.revision} now.",
            hint="Read it again and decide anew."
            if merged is None
            else "Take the joined text, decide what stands in conflict, and save it over the new revision.",
            revision=current.revision,
            merged=merged,
            conflicts=list(conflicts),
        )


class DefinitionUsedError(UserError):
    """Others need the definition as it is."""

    code = "definition-used"


class BreaksOthersError(UserError):
    """Live definitions that name this one would not work with it any more; `problems` says all that would be wrong with them."""

    code = "definition-breaks-others"


class ArchivedError(UserError):
    """The definition was put away, and nothing can be done with it until it is brought back."""

    code = "definition-archived"
