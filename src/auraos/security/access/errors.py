"""Why somebody may not do something, or why what somebody may do cannot be changed so."""

from auraos.core.errors import UserError


class NotAllowedError(UserError):
    """Whoever asks may not do this."""

    code = "not-allowed"


class NoWorkspaceError(UserError):
    """There is no such workspace, or none that whoever asks may know of."""

    code = "no-workspace"

    @classmethod
    def of(cls, name: str) -> "NoWorkspaceError":
        """Return what is told of a workspace that is not there, or not for whoever asks."""
        return cls(f"There is no workspace {name!r}.", hint="Ask for the list of your workspaces.")


class WorkspaceExistsError(UserError):
    """There is a workspace of this name already."""

    code = "workspace-exists"


class RoleRefusedError(UserError):
    """A role cannot be made, changed or granted like this."""

    code = "role-refused"


class RoleHeldError(UserError):
    """A role that somebody holds cannot go."""

    code = "role-held"


class LastOwnerError(UserError):
    """Somebody must own the installation, and nobody else would."""

    code = "last-owner"

    @classmethod
    def of(cls) -> "LastOwnerError":
        """Return what is told when the last owner would go."""
        return cls("Nobody would own this installation any more.", hint="Make somebody else an owner first.")


class NotFoundError(UserError):
    """There is no such thing here, or none that whoever asks may know of."""

    code = "not-found"

    @classmethod
    def of(cls, kind: str, name: str) -> "NotFoundError":
        """Return what is told of something that is not there."""
        return cls(f"There is no {kind} {name!r} here.")


class NameTakenError(UserError):
    """Something else bears this name."""

    code = "name-taken"


class ChangedMeanwhileError(UserError):
    """What was to be changed was changed by somebody else in the same moment."""

    code = "changed-meanwhile"

    @classmethod
    def of(cls, kind: str, name: str) -> "ChangedMeanwhileError":
        """Return what is told of something that changed in the same moment."""
        return cls(f"The {kind} {name!r} was just changed by somebody else.", hint="Read it again.")
