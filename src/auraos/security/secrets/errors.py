"""Why something cannot be done with a secret or a key. None of them tells a value."""

from auraos.core.errors import OperationalError, UserError


class NoSecretError(UserError):
    """There is no such secret here."""

    code = "no-secret"

    @classmethod
    def of(cls, name: str) -> "NoSecretError":
        """Return what is told of a secret that is not there."""
        return cls(f"There is no secret {name!r} here.", hint="List the secrets of the workspace.")


class NoSecretVersionError(UserError):
    """The secret never had this version."""

    code = "no-secret-version"


class SecretExistsError(UserError):
    """There is a secret of this name already."""

    code = "secret-exists"


class SecretChangedError(UserError):
    """The secret was changed since it was read."""

    code = "secret-changed"

    @classmethod
    def of(cls, name: str) -> "SecretChangedError":
        """Return what is told of a secret that changed meanwhile."""
        return cls(
            f"The secret {name!r} was changed since you read it.", hint="Read it again, and decide anew."
        )


class SecretUsedError(UserError):
    """Live definitions name the secret."""

    code = "secret-used"


class SecretRefusedError(UserError):
    """A secret cannot be kept like this."""

    code = "secret-refused"


class SecretTestError(UserError):
    """The secret cannot be tried like this."""

    code = "secret-test-refused"


class ConsentRefusedError(UserError):
    """What came back from where somebody consented does not belong to what was begun, or nobody consented."""

    code = "consent-refused"


class MasterKeyError(OperationalError):
    """The master key cannot be had, or is not the one by which the keys of the store are sealed."""

    code = "master-key"


class SealBrokenError(OperationalError):
    """What is kept under seal was changed, moved, or sealed by another key."""

    code = "seal-broken"


class SourceFailedError(OperationalError):
    """The place where a value is kept outside of this house does not give it."""

    code = "secret-source"
