"""The three families of errors, and nothing else: whose fault an error is decides what happens next.

AuraError
├── UserError          the author or caller can mend it; never retried as it is
├── OperationalError   the world failed; may be retried
└── UnexpectedError    our own mistake
"""

from typing import Any, ClassVar


class AuraError(Exception):
    """The base of all errors of the house: a stable code, the data it speaks of, and the way out."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "", **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.data = data

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class UserError(AuraError):
    """Something a person wrote or asked cannot be done as it stands."""

    code = "user-error"


class OperationalError(AuraError):
    """The world outside failed; trying again later may help."""

    code = "operational-error"


class UnexpectedError(AuraError):
    """A mistake of this program."""

    code = "unexpected-error"
