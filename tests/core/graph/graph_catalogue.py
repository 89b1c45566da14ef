"""The step types that the tests of checks use: those of the house, read from their entry points as everybody's are."""

from functools import cache

from auraos.app.installed import load_installed
from auraos.core.catalogue import Catalogue


@cache
def catalogue() -> Catalogue:
    """Return the installed step types."""
    return load_installed().catalogue
