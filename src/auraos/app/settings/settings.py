"""The settings of a process, put together on its store, and what follows them."""

import logging
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from auraos.app.health import Finding, Look
from auraos.app.settings.keys import (
    FRESH_PROOF,
    IDLE_SESSION,
    KEYS,
    LOG_LEVEL,
    LONGEST_INVITATION,
    LONGEST_SESSION,
    RETENTION,
)
from auraos.engine.engine import Engine
from auraos.settings.keys import Key
from auraos.settings.outside import FILE, Outside
from auraos.settings.service import Settings
from auraos.storage.tables.settings import SettingTables
from auraos.storage.tables.statement import Tables

_MICROSECOND = timedelta(microseconds=1)


def settings_on(
    tables: Tables,
    data: Path | None,
    *,
    now: Callable[[], int],
    environment: Mapping[str, str] = os.environ,
    command: Mapping[str, Any] | None = None,
) -> Settings:
    """Return the settings of a store; what stands in the environment or in the file beside the data goes before them."""
    file = None if data is None else data / FILE
    outside = Outside(KEYS, file=file, environment=environment, command=command)
    return Settings(SettingTables(tables), KEYS, outside, now=now)


class SetTerms:
    """For how long what people come in by is good, as it is set."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def session(self) -> int:
        return self._micros(LONGEST_SESSION)

    def idle(self, person: str) -> int:
        return self._micros(IDLE_SESSION, person)

    def fresh(self) -> int:
        return self._micros(FRESH_PROOF)

    def invitation(self) -> int:
        return self._micros(LONGEST_INVITATION)

    def _micros(self, key: Key[timedelta], person: str = "") -> int:
        return self._settings.value(key, person=person) // _MICROSECOND


class SetRetention:
    """For how long runs are kept, as it is set."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def of(self, workspace: str) -> timedelta | None:
        return self._settings.value(RETENTION, workspace=workspace) or None

    def shortest(self) -> timedelta | None:
        return min((span for span in self._settings.values(RETENTION) if span), default=None)


def follow(settings: Settings, engine: Engine) -> None:
    """Let the process do as it is set, now and whenever that changes."""

    def keep(span: timedelta) -> None:
        engine.retention.default = span or None

    settings.when_changed(LOG_LEVEL, lambda level: logging.getLogger("auraos").setLevel(level.upper()))
    settings.when_changed(RETENTION, keep)
    engine.retention.defaults = SetRetention(settings)


def look_at(settings: Settings) -> Look:
    """Return what sees whether the file of settings can be read."""

    async def look() -> Finding:
        if settings.trouble:
            return Finding(
                standing="poor",
                message=f"{settings.trouble} What it said before holds.",
                hint="Mend the file.",
            )
        return Finding(message="What is set holds.")

    return look
