"""A front door for each test."""

import pytest

from houses import House
from rooms import Room


@pytest.fixture
def room(house: House) -> Room:
    """Return a new installation with its front door."""
    return Room(house)
