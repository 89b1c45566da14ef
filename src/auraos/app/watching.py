"""How a serving process does: its parts are looked at, and its figures counted, from the moment that they are there."""

from pathlib import Path

from auraos.app.figures import count_for
from auraos.app.health import Health
from auraos.app.keeping import Keeping
from auraos.app.parts import watch_parts
from auraos.app.secrets import SecretServices
from auraos.engine.engine import Engine


def watch(health: Health, engine: Engine, keeping: Keeping, secrets: SecretServices, data: Path) -> None:
    """Tell of these parts and figures from now on."""
    count_for(health, engine, keeping, secrets.tokens)
    watch_parts(health, engine, keeping, secrets.keys, data)
