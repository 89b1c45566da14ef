"""Why a directory is refused something."""

from auraos.core.errors import UserError


class ScimRefusedError(UserError):
    """A directory asks for something that cannot be, or that cannot be read."""

    code = "scim-refused"

    def __init__(self, message: str, *, status: int = 400, kind: str = "invalidValue") -> None:
        super().__init__(message, hint="See RFC 7644.")
        self.status = status
        self.kind = kind
