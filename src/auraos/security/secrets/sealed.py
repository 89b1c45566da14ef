"""What stands under the seal of a version: the credential or where it is kept, and where it may go.

Where it may go is sealed with it, for who can write to the database must not be able to send a secret elsewhere.
"""

import msgspec

from auraos.security.opened import Hidden
from auraos.security.secrets.credentials import Credential
from auraos.security.secrets.keys import Keys
from auraos.security.secrets.rows import Secret, SecretVersion
from auraos.security.secrets.sources import Source


class Sealed(Hidden, frozen=True, kw_only=True):
    """A version as it is opened."""

    kind: str
    credential: Credential | None = None
    source: Source | None = None
    hosts: tuple[str, ...]
    workflows: tuple[str, ...] = ()


def place_of(secret: Secret, version: int) -> tuple[str, ...]:
    """Return for which place a version of a secret is sealed."""
    return ("secret", secret.id, secret.name, str(version))


async def seal_version(keys: Keys, secret: Secret, version: int, content: Sealed) -> bytes:
    """Return a version under seal."""
    return await keys.seal(secret.workspace, place_of(secret, version), msgspec.json.encode(content))


async def unseal_version(keys: Keys, secret: Secret, row: SecretVersion) -> Sealed:
    """Return what stands under a seal; raise `SealBrokenError` where it was not sealed for this version of this secret."""
    content = await keys.unseal(secret.workspace, place_of(secret, row.version), row.sealed)
    return msgspec.json.decode(content, type=Sealed)
