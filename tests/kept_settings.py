"""Settings over a real store, for tests: nothing comes from outside of it."""

from auraos.app.settings.settings import settings_on
from auraos.settings.service import Settings
from houses import House


def settings_over(house: House) -> Settings:
    """Return the settings of an installation."""
    return settings_on(house.tables, None, now=house.clock.now, environment={})
