"""What people prove themselves by and must be read again is kept under the seal of the installation."""

import base64
import binascii

from auraos.security.identity.errors import CodeRefusedError
from auraos.security.secrets.keys import INSTALLATION, Keys


class InstallationSeal:
    """Seals by the keys of the installation, as texts."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def seal(self, value: bytes, place: str) -> str:
        """Return a value that opens for this place only."""
        return base64.urlsafe_b64encode(
            await self._keys.seal(INSTALLATION, ("identity", place), value)
        ).decode()

    async def open(self, sealed: str, place: str) -> bytes:
        """Return what was sealed for this place; raise `SealBrokenError` or `CodeRefusedError` for anything else."""
        try:
            raw = base64.urlsafe_b64decode(sealed.encode("ascii"))
        except (binascii.Error, UnicodeEncodeError) as error:
            raise CodeRefusedError("This was not sealed here.") from error
        return await self._keys.unseal(INSTALLATION, ("identity", place), raw)
