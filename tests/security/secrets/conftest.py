"""Lets the tests of this folder share what they keep secrets in."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]


@pytest.fixture
async def vault(tmp_path):
    """Yield an empty store of secrets."""
    from vaults import a_vault

    async with a_vault(tmp_path / "data") as opened:
        yield opened
