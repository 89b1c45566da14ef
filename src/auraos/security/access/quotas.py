"""Quotas: how much there may be in a workspace, and how much may be done in it, so that one leaves room for the others."""

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from auraos.core.errors import UserError

Most: TypeAlias = Callable[[str, str], int]
"""Says how much of what there may be in a workspace; 0 for as much as can be."""
PREFIX: Final = "most_"
"""Begins the wishes of a workspace that are its quotas."""


class QuotaFullError(UserError):
    """A workspace has as much of something as it may have."""

    code = "quota-full"

    @classmethod
    def of(cls, what: str, workspace: str, most: int) -> "QuotaFullError":
        """Return what is told where nothing more is taken."""
        return cls(
            f"The workspace {workspace!r} may have {most:,} {what.replace('_', ' ')}, and has them.",
            hint="Take away what is not needed any more, or ask an owner of the installation for a larger quota.",
            what=what, workspace=workspace, most=most,
        )  # fmt: skip


class TooManyRunsError(UserError):
    """A workspace has as many runs under way, or has begun as many today, as it may."""

    code = "too-many-runs"


class Quotas(msgspec.Struct, frozen=True, kw_only=True):
    """How much a workspace may have and do; 0 for as much as can be."""

    definitions: int = 0
    secrets: int = 0
    running_runs: int = 0
    runs_a_day: int = 0
    """From midnight to midnight in UTC."""
    bytes: int = 0
    """Of journals, logs, files and definitions, as they were measured last."""

    @property
    def wishes(self) -> dict[str, bool | int | str]:
        """Return them as the wishes of a workspace."""
        return {f"{PREFIX}{name}": getattr(self, name) for name in self.__struct_fields__}
