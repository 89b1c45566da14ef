"""What people prove themselves by opens only in the place that it was sealed for, and with this installation's key (S54)."""

import pytest

from auraos.core.errors import AuraError
from auraos.security.identity.sealing import InstallationSeal


async def test_what_was_sealed_opens_for_its_place_alone(house):
    seal = InstallationSeal(house.keys)
    sealed = await seal.seal(b"secret", "totp/1")
    assert b"secret" not in sealed.encode()
    assert await seal.open(sealed, "totp/1") == b"secret"
    with pytest.raises(AuraError):
        await seal.open(sealed, "totp/2")


@pytest.mark.parametrize("sealed", ["", "x", "not base64 at all!", "größe", "AAAA" * 50])
async def test_what_was_not_sealed_here_does_not_open(house, sealed):
    await InstallationSeal(house.keys).seal(b"secret", "totp/1")
    with pytest.raises(AuraError):
        await InstallationSeal(house.keys).open(sealed, "totp/1")
