"""Why somebody does not come in, or is asked for more."""

from auraos.core.errors import OperationalError, UserError


class NotSignedInError(UserError):
    """Nobody is known by what the request carries."""

    code = "not-signed-in"


class SignInRefusedError(UserError):
    """What was given to sign in by does not open anything. It does not say what of it was wrong."""

    code = "sign-in-refused"

    @classmethod
    def of(cls) -> "SignInRefusedError":
        """Return what is told, whatever was wrong."""
        return cls("The name, the password or the code is not right.")


class SecondProofNeededError(UserError):
    """The password is right, and this account asks for a second proof."""

    code = "second-proof-needed"


class StepUpNeededError(UserError):
    """This asks for a proof of the last few minutes."""

    code = "step-up-needed"


class TooManyTriesError(UserError):
    """There were too many tries; the next one may be made after a while."""

    code = "too-many-requests"


class AlreadyOwnedError(UserError):
    """The installation has an owner, or had one."""

    code = "already-owned"


class TokenRefusedError(UserError):
    """A token that is good once is not, not any more, or not yet."""

    code = "token-refused"


class CodeRefusedError(UserError):
    """A one-time code is not right, or was used."""

    code = "code-refused"


class ProviderFailedError(OperationalError):
    """Whoever vouches for people cannot be asked now, or answers what cannot be believed."""

    code = "provider-failed"


class PersonNeededError(UserError):
    """Only a person who is signed in can do this, no key."""

    code = "person-needed"
