"""What goes wrong with settings."""

from auraos.core.errors import UserError


class NoSettingError(UserError):
    """There is no such setting, or it is not one of this place."""

    code = "no-setting"


class SettingRefusedError(UserError):
    """A setting cannot have this value."""

    code = "setting-refused"


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
