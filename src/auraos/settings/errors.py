"""What goes wrong with settings."""

from auraos.core.errors import UserError


class NoSettingError(UserError):
    """There is no such setting, or it is not one of this place."""

    code = "no-setting"


class SettingRefusedError(UserError):
    """A setting cannot have this value."""

    code = "setting-refused"


class NoFlagError(UserError):
    """There is no such flag in this workspace, or it was never published."""

    code = "no-flag"

    @classmethod
    def of(cls, name: str) -> "NoFlagError":
        """Return what is told of a flag that is not there."""
        return cls(
            f"There is no published flag named {name[:100]!r} in this workspace.", hint="List what there is."
        )


class FlagContextError(UserError):
    """A flag cannot be evaluated for this context: it lacks what a rule or a split reads, or has something else there."""

    code = "flag-context"


class SettingPinnedError(UserError):
    """The value of a setting comes from outside of the store, and is changed there."""

    code = "setting-pinned"


class SettingChangedError(UserError):
    """Somebody else changed the setting meanwhile."""

    code = "setting-changed"

    @classmethod
    def at(cls, name: str, revision: int) -> "SettingChangedError":
        """Return what is told of a setting that has another revision than was read."""
        return cls(
            f"{name} was changed meanwhile: it is at revision {revision}.",
            hint="Read it again.",
            revision=revision,
        )
