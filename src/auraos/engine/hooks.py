"""Whom the runner tells of what becomes of runs."""

from collections.abc import Callable, Sequence

import msgspec

from auraos.core.run.commands import EndGathered, EndRun
from auraos.engine.active import ActiveRun
from auraos.engine.draft import Draft, Given
from auraos.engine.ports import RequestRow, Timer, Version


class Hooks(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the runner tells: of requests that are durable, of runs that ended, failed to be written, or
    broke.
    """

    requested: Callable[[RequestRow], None]
    born: Callable[[ActiveRun], None]
    """Of a run that stands before its gates."""
    gathered: Callable[[ActiveRun, EndGathered], None]
    ended: Callable[[ActiveRun, EndRun], None]
    failed: Callable[[ActiveRun, Draft, BaseException], None]
    broke: Callable[[ActiveRun, Exception], None]
    settled: Callable[[ActiveRun], None]
    strayed: Callable[[str, Given], None]
    """Of what was given to a run that had left memory."""
    timer_fired: Callable[[Timer], None]
    kept: Callable[[Sequence[Version]], None]
    answered: Callable[[Sequence[str]], None]
