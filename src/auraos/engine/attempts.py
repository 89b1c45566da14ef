"""Carrying out one attempt of a step, and saying truly what became of it.

An attempt ends succeeded, failed (certainly without effect) or unknown. What raises `StepFailed` vouches for
the first kind of failure. Everything else that goes wrong in a step that may not be repeated is unknown: a
time-out, a cancellation that came too late, an exception nobody foresaw.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from auraos.core import failures
from auraos.core.catalogue import Chosen, Effect, StepType
from auraos.core.errors import AuraError, OperationalError, UserError
from auraos.core.run import LARGE, encode_success, static_path
from auraos.core.run.commands import ExecuteStep
from auraos.core.run.facts import AnyFact, StepError, StepFailed, StepSucceeded, StepUnknown
from auraos.core.values import ValueRefusedError, to_wire
from auraos.engine.context import AttemptContext
from auraos.engine.ports import Redact
from auraos.observability.about import ABOUT

GRACE = 10.0

REPEATABLE = frozenset(str(effect) for effect in Effect if effect.may_repeat)

NOT_STORED: tuple[AnyFact | None, bytes] = (None, b"")

Outcome: TypeAlias = StepSucceeded | StepFailed | StepUnknown
Ended: TypeAlias = Callable[["Attempt", Outcome], None]


class Attempt:
    """One attempt under way. It ends exactly once; what its code does afterwards changes nothing any more."""

    __slots__ = (
        "_context", "_ended", "_force", "_now", "_redact", "_step_type", "_task", "command", "is_cancelled",
        "owner", "stored",
    )  # fmt: skip

    def __init__(
        self,
        owner: Any,
        command: ExecuteStep,
        step_type: StepType | None,
        context: AttemptContext,
        redact: Redact,
        now: Callable[[], int],
        ended: Ended,
    ) -> None:
        self.owner = owner
        """The run that it belongs to; only whoever hears of its end looks at it."""
        self.command = command
        self.stored: tuple[AnyFact | None, bytes] = NOT_STORED
        """Its success, and how that is written, once there is one; what is large goes another way."""
        self.is_cancelled = False
        self._step_type = step_type
        self._context = context
        self._redact = redact
        self._now = now
        self._ended: Ended | None = ended
        self._task: asyncio.Task[None] | None = None
        self._force: asyncio.TimerHandle | None = None

    @property
    def may_repeat(self) -> bool:
        """Return whether doing it twice does no more than doing it once."""
        return self.command.effect in REPEATABLE

    @property
    def has_begun(self) -> bool:
        """Return whether its step may have done something already."""
        return self._task is not None

    def told(self) -> Mapping[str, str]:
        """Return what a line of the log says of it while it is under way."""
        if self._task is None:
            return {}
        command, context = self.command, self._context
        told = {
            "run": context.run_id,
            "workspace": context.workspace,
            "step": command.path,
            "attempt": str(command.attempt),
        }
        return {**told, "trace": context.traceparent[3:35]} if context.traceparent else told

    def cancel(self, grace: float = GRACE) -> None:
        """Ask the step to stop; when it has not after the grace, go on without it."""
        if self.is_cancelled:
            return
        self.is_cancelled = True
        if self._task is not None:
            self._task.cancel()
            self._force = asyncio.get_running_loop().call_later(grace, self._give_up)

    def abandon(self) -> None:
        """Stop it without a word: this process ends, and the next one will find the attempt without an
        outcome.
        """
        self._ended = None
        if self._task is not None:
            self._task.cancel()

    def tell(self, ended: Ended) -> None:
        """Let somebody else hear of its end."""
        if self._ended is not None:
            self._ended = ended

    def _end(self, outcome: Outcome) -> None:
        if self._force is not None:
            self._force.cancel()
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(self, outcome)

    def _give_up(self) -> None:
        self._end(self._cut_short("cancelled", "abandoned", "The step did not stop when it was told to."))

    async def carry_out(self, task: "asyncio.Task[None]") -> None:
        """Do it, in the task of a worker, and say what became of it."""
        step_type = self._step_type
        if self._ended is None:
            return
        if self.is_cancelled:
            self._end(
                self._failed(self._error("cancelled", "cancelled", "It was cancelled before it began."))
            )
            return
        if step_type is None or step_type.execute is None:
            self._end(self._missing())
            return
        timeout = self.command.timeout
        self._task = task
        ABOUT.set(self)
        try:
            if timeout is None:
                output = await step_type.execute(self.command.parameters, self._context)
            else:
                async with asyncio.timeout(timeout):
                    output = await step_type.execute(self.command.parameters, self._context)
        except failures.StepUnknown as error:
            outcome: Outcome = self._unknown(self._error_of(error))
        except failures.StepFailed as error:
            outcome = self._failed(self._error_of(error))
        except TimeoutError:
            limit = f"{timeout:g} s" if timeout is not None else "its time"
            outcome = self._cut_short("timeout", "timeout", f"The attempt took longer than {limit}.")
        except asyncio.CancelledError:
            outcome = self._cut_short("cancelled", "cancelled", "The attempt was cancelled.")
        except BaseException as error:  # noqa: BLE001 (the border: a step may raise anything, `SystemExit` too)
            outcome = self._raised(error)
        else:
            outcome = self._succeeded(output)
        self._task = None
        while task.cancelling():  # the attempt was told to stop, not the worker
            task.uncancel()
        self._end(outcome)

    def _succeeded(self, output: Any) -> Outcome:
        ports: tuple[str, ...] = ("out",)
        if isinstance(output, Chosen):
            ports, output = output.ports, output.output
        command = self.command
        try:
            outcome = StepSucceeded(
                at=self._now(),
                path=command.path,
                attempt=command.attempt,
                output=self._redact(output),
                ports=ports,
            )
            stored = encode_success(outcome, self._context.largest_value)
            if len(stored) <= LARGE:
                self.stored = (outcome, stored)
        except ValueRefusedError as error:
            refused = self._error(
                "data", "output-refused", f"The output cannot be kept: {error.message}", error.hint
            )
            return self._failed(refused) if self.may_repeat else self._unknown(refused)
        return outcome

    def _raised(self, error: BaseException) -> Outcome:
        """Judge an exception that vouches for nothing, also one like `SystemExit` or the panic of a library."""
        if isinstance(error, KeyboardInterrupt | GeneratorExit):  # not the step's: somebody ends the process
            raise error
        if isinstance(error, AuraError):
            class_ = "transient" if isinstance(error, OperationalError) else "permanent"
            told = self._error(class_, error.code, error.message, error.hint)
            certain = isinstance(error, UserError) and not self._context.touched_the_world
            return self._failed(told) if certain or self.may_repeat else self._unknown(told)
        told = self._error(
            "bug", "step-crashed", f"The step {self.command.type} broke with {type(error).__name__}: {error}"
        )
        return self._failed(told) if self.may_repeat else self._unknown(told)

    def _cut_short(self, class_: str, code: str, message: str) -> Outcome:
        if self._context.waits_for_thread:
            return self._failed(self._without_thread(class_, code))
        error = self._error(class_, code, message)
        return self._failed(error) if self.may_repeat else self._unknown(error)

    def _without_thread(self, class_: str, code: str) -> StepError:
        """Return how a step ends whose time was up, or that was cancelled, before a thread came free for it."""
        if code != "timeout":
            return self._error(class_, code, "It was cancelled before it began.")
        return self._error(
            "transient",
            "places-full",
            f"No thread came free within {self.command.timeout:g} s, so the step never began.",
            "Other steps hold all threads: give those a `timeout`, or this one a longer one.",
        )

    def _missing(self) -> Outcome:
        return self._failed(
            self._error(
                "permanent",
                "type-missing",
                f"The step type {self.command.type!r} (version {self.command.version}) is not installed.",
                "Install the package that brings it.",
            )
        )

    def _failed(self, error: StepError) -> StepFailed:
        return StepFailed(at=self._now(), path=self.command.path, attempt=self.command.attempt, error=error)

    def _unknown(self, error: StepError) -> StepUnknown:
        return StepUnknown(at=self._now(), path=self.command.path, attempt=self.command.attempt, error=error)

    def _error_of(self, error: failures.StepFailed) -> StepError:
        told = self._error(error.error_class, error.error_code, error.message, error.hint)
        wait: timedelta | None = error.retry_after
        return StepError(
            class_=told.class_,
            code=told.code,
            message=told.message,
            hint=told.hint,
            step=told.step,
            path=told.path,
            attempt=told.attempt,
            at=told.at,
            retry_after=None if wait is None else wait.total_seconds(),
            data=self._storable(error.error_data),
        )

    def _error(self, class_: str, code: str, message: str, hint: str = "") -> StepError:
        return StepError(
            class_=class_,
            code=code,
            message=str(self._redact(_printable(message))),
            hint=str(self._redact(_printable(hint))),
            step=static_path(self.command.path).rpartition("/")[2],
            path=self.command.path,
            attempt=self.command.attempt,
            at=self._now(),
        )

    def _storable(self, data: Any) -> Any:
        try:
            to_wire(data)
        except ValueRefusedError:
            return self._redact(_printable(data))
        return self._redact(data)


def _printable(text: object) -> str:
    return str(text).encode(errors="replace").decode()[:4_000]
