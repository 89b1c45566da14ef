"""Calls in the world of a test case: those that are refused, and those that share a run by their key."""

from collections.abc import Callable, Mapping
from typing import cast

import msgspec

from auraos.core.errors import UserError
from auraos.core.run.commands import StartChild
from auraos.core.run.facts import CallJoined, ChildFinished, OutsideFact, RunFinished, StepError
from auraos.core.run.parts import Keyed
from auraos.engine.family import end_of
from auraos.engine.keyed_calls import is_there, refusal_of_key
from auraos.engine.trial.agenda import Agenda
from auraos.engine.trial.playing import Playing


class Calls:
    """How calls are answered that need no run of their own."""

    def __init__(
        self, agenda: Agenda, runs: Mapping[str, Playing], advance: Callable[[Playing, OutsideFact], None]
    ) -> None:
        self._agenda = agenda
        self._runs = runs
        self._advance = advance

    def refuse(self, caller: Playing, command: StartChild, refused: UserError) -> None:
        """Tell a run that the one it called cannot begin."""
        if command.wait or command.key:
            error = StepError(class_="permanent", code=refused.code, message=refused.message)
            told = ChildFinished(
                at=self._agenda.now, path=command.path, run=command.run, state="failed", error=error
            )
            self._agenda.soon(lambda: self._advance(caller, told))

    def join(self, called: Playing, keyed: Keyed | None) -> None:
        """Let a call get the run that has its key, as the engine does."""
        assert keyed is not None
        caller, state = keyed.caller, called.state

        def happen() -> None:
            told = refusal_of_key(called.run, state.keyed, keyed)
            if state.root is None:  # its start is only planned
                self._agenda.soon(happen)
                return
            if told is None and not caller.wants_end:
                told = is_there(called.run, caller)
            if told is None and state.is_final:
                last = cast("RunFinished", called.journal[-1])
                told = end_of(last, called.run, caller)
            if told is None:
                self._advance(called, CallJoined(at=self._agenda.now, caller=caller))
            else:
                self._advance(self._runs[caller.run], msgspec.structs.replace(told, at=self._agenda.now))

        self._agenda.soon(happen)
