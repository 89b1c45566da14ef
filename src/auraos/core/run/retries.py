"""Retries: whether another attempt follows, when, for how long, and under which keys. Nothing here changes a run."""

import hashlib
from datetime import timedelta

import msgspec

from auraos.core.catalogue import Behaviour, Effect
from auraos.core.run.evaluation import evaluate_or_error
from auraos.core.run.facts import (
    StepError,
)
from auraos.core.run.identity import idempotency_key, own_key
from auraos.core.run.program import WAITS
from auraos.core.run.state import Activation
from auraos.core.run.turn import Turn
from auraos.core.values import Value, to_wire

LONGEST_RETRY_AFTER = 366 * 86_400.0
"""Seconds. Whoever asks for more is not believed."""


def is_ending(activation: Activation) -> bool:
    return activation.purpose == "step" and (activation.cancelled or bool(activation.frame.failing))


def time_left(turn: Turn, activation: Activation) -> float | None:
    """Return how long this attempt may take, in seconds: its timeout, or what is left of the step's deadline."""
    timeout, deadline = activation.step.timeout, activation.deadline
    if deadline is None:
        return None if timeout is None else max(timeout, 0) / 1_000_000
    left = deadline - turn.at
    return max(left if timeout is None else min(timeout, left), 0) / 1_000_000


def attempts_made(activation: Activation) -> int:
    """Return how many attempts or tries count against `retry`: those lost with a process do not, nor those of earlier scopes."""
    return activation.attempt - activation.lost - activation.before


def may_repeat(activation: Activation) -> bool:
    return activation.effect.may_repeat or activation.step.step.uncertain == "retry"


def may_retry(turn: Turn, activation: Activation, error: StepError, *, unknown: bool) -> bool:
    retry = activation.step.retry
    if is_ending(activation) or attempts_made(activation) >= retry.attempts:
        return False
    limits = (activation.deadline, activation.ends_by)
    if any(limit is not None and turn.at >= limit for limit in limits):
        return False
    named = {error.class_, error.code}
    if activation.step.behaviour is Behaviour.CALL and error.cause is not None:
        named.add(error.cause.code)
    harmless = activation.effect in (Effect.READ, Effect.IDEMPOTENT) or activation.step.behaviour in WAITS
    timed_out = error.class_ == "timeout" and harmless
    if unknown or timed_out:
        named |= {"transient", "unknown"}
    return not named.isdisjoint(retry.on) and (not unknown or may_repeat(activation))


def delay(turn: Turn, activation: Activation, error: StepError) -> int:
    """Return the microseconds until the next attempt; the jitter follows from run, path and attempt."""
    retry = activation.step.retry
    tried = attempts_made(activation)
    micro = timedelta(microseconds=1)
    longest = retry.max // micro
    delay = min(float(longest), (retry.first // micro) * retry.factor ** max(0, tried - 1))
    seed = hashlib.sha256(f"{turn.state.run}/{activation.path}/{activation.attempt}".encode()).digest()
    chance = int.from_bytes(seed[:4], "big") / 0xFFFFFFFF
    delay *= 1 + retry.jitter * (2 * chance - 1)
    asked = error.retry_after or 0.0
    asked = min(asked, LONGEST_RETRY_AFTER) if asked > 0 else 0.0
    return max(int(delay), int(asked * 1_000_000))


def make_key(turn: Turn, activation: Activation) -> tuple[str, StepError | None]:
    state, step = turn.state, activation.step
    if step.key is None:
        return own_key(state.origin, activation.path, activation.generation), None
    value, error = evaluate_or_error(turn, activation.frame, activation.path, step.key.evaluate)
    if error is not None:
        return "", error
    name = state.program.workflow.name
    return idempotency_key(state.workspace, name, step.path, repr(value), activation.generation), None


def make_cache_key(turn: Turn, activation: Activation, parameters: Value) -> tuple[str, StepError | None]:
    """Return the key under which the output may be used again: of the parameters, or of the author's `key:` for this step.

    Steps that do the same with the same share it; what the author names is a name within its step alone.
    """
    state, step = turn.state, activation.step
    said: tuple[str, ...] = ()
    if step.cache_key is not None:
        said = (state.program.workflow.name, step.path)
        parameters, error = evaluate_or_error(
            turn, activation.frame, activation.path, step.cache_key.evaluate, kept=True
        )
        if error is not None:
            return "", error
    text = msgspec.json.encode(to_wire(parameters), order="sorted").decode()
    return idempotency_key(state.workspace, step.type.name, step.type.version, *said, text), None
