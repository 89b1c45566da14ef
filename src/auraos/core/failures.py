"""How a step says that it failed: certainly without effect, or not known."""

from datetime import timedelta
from typing import Any, Literal, TypeAlias

from auraos.core.errors import AuraError

ErrorClass: TypeAlias = Literal[
    "transient", "permanent", "data", "credential", "timeout", "cancelled", "unknown", "bug"
]


class StepFailed(AuraError):  # noqa: N818 (an outcome, named like the others)
    """The attempt failed, certainly without effect on the world (or the step has none)."""

    code = "step-failed"

    def __init__(
        self,
        message: str,
        *,
        error_class: ErrorClass = "permanent",
        code: str = "step-failed",
        retry_after: timedelta | None = None,
        data: Any = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.error_class: ErrorClass = error_class
        self.error_code = code
        self.retry_after = retry_after
        self.error_data = data


class StepUnknown(StepFailed):
    """The attempt may or may not have had its effect: something was sent and no definite answer came."""

    code = "step-unknown"

    def __init__(
        self, message: str, *, code: str = "no-definite-answer", data: Any = None, hint: str = ""
    ) -> None:
        super().__init__(message, error_class="unknown", code=code, data=data, hint=hint)
