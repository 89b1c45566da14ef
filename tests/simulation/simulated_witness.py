"""The world outside: it sees every effect with its key, and remembers what nobody else may forget."""

from collections import Counter
from typing import Any

import msgspec

from auraos.core.run.commands import ExecuteStep
from auraos.core.run.identity import idempotency_key
from auraos.core.values import to_wire
from simulation.soundness import demand

CHANGING = frozenset({"idempotent", "write", "irreversible"})


class Seen(msgspec.Struct):
    """One effect: how often it was asked for, by which attempts, with which parameters."""

    identity: tuple[Any, ...]
    parameters: bytes
    run: str
    path: str
    purpose: str
    effect: str
    attempts: list[tuple[str, int]]


class Witness:
    """Effects by key."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}
        self.keys: dict[tuple[Any, ...], str] = {}
        self.disturbed: set[str] = set()
        """Keys of attempts that a fault was injected into: only these may be asked for again."""

    def knows(self, key: str) -> bool:
        """Return whether the effect of this key took place."""
        return key in self.seen

    def perform(
        self,
        run: str,
        origin: str,
        generation: int,
        command: ExecuteStep,
        *,
        may_repeat: bool,
        own_key: bool,
        in_page: bool,
        may_be_anew: bool,
    ) -> None:
        """Let an effect take place and hold it against I3."""
        if command.effect not in CHANGING or command.purpose == "verify":
            return
        identity = (
            (command.purpose, command.path, command.key)
            if own_key
            else (command.purpose, origin, command.path, generation)
        )
        demand(
            own_key
            or command.purpose != "step"
            or command.key == idempotency_key(origin, command.path, generation),
            f"{command.path} has another key than its origin, path and generation give",
        )
        if command.purpose == "step" and generation and not may_be_anew:
            self._check_generation_before(origin, command.path, generation - 1)
        parameters = msgspec.json.encode(to_wire(command.parameters))
        known = self.keys.setdefault(identity, command.key)
        demand(known == command.key, f"{command.path} has two keys for one effect: attempt {command.attempt}")
        seen = self.seen.get(command.key)
        if seen is None:
            self.seen[command.key] = Seen(
                identity,
                parameters,
                run,
                command.path,
                command.purpose,
                command.effect,
                [(run, command.attempt)],
            )
            return
        demand(seen.identity == identity, f"one key for two effects: {seen.identity} and {identity}")
        undone = ("undo", origin, f"{command.path}!undo", generation) in self.keys
        demand(
            own_key or seen.run == run or in_page or not undone,
            f"{command.path} was undone and is done again under its old key, so nobody will do it",
        )
        demand(
            own_key or seen.run != run or seen.parameters == parameters,
            f"{command.path}: same key, other parameters: {seen.parameters!r}, {parameters!r}",
        )
        demand(
            may_repeat or own_key or seen.run != run,
            f"{command.path}: a {command.effect} was done twice, by attempts {seen.attempts} and {command.attempt}",
        )
        demand(
            own_key or command.key in self.disturbed,
            f"{command.path} was done again though nothing went wrong: {seen.attempts}",
        )
        seen.attempts.append((run, command.attempt))

    def _check_generation_before(self, origin: str, path: str, generation: int) -> None:
        """An effect that stands is not done once more under the next generation."""
        done = self.seen.get(self.keys.get(("step", origin, path, generation), ""))
        demand(
            done is None,
            f"{path} stands in generation {generation} and is done once more in the next one",
        )

    def count(self) -> Counter[str]:
        """Return how many effects there were of each kind."""
        return Counter(seen.effect for seen in self.seen.values())
