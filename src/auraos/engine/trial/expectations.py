"""What a case expects, compared with what happened: each expectation that was not met is one difference."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from auraos.core.run import static_path
from auraos.core.values import format_duration, parse_duration, to_wire
from auraos.core.workflow import TestCase
from auraos.engine.trial.matching import Difference, matches
from auraos.engine.trial.world import World

FIELDS = (
    "state",
    "output",
    "error",
    "path",
    "ran",
    "not_run",
    "steps",
    "sent",
    "calls",
    "undone",
    "waits_for",
    "variables",
    "took",
)
"""The words of `expect`."""
ORDERS = ("exactly", "in_any_order", "contains", "starts_with", "one_of")
"""The ways in which a path can be compared."""

_ENDED = ("succeeded", "failed", "caught", "stopped")


def compare(case: TestCase, world: World) -> list[Difference]:
    """Return what is not as the case expects. Without a word on it, the run must have succeeded."""
    found: list[Difference] = []
    expect = case.expect
    state = world.root.state
    if "state" in expect:
        found += _differs("state", expect["state"], state.status, _error_words(world))
    elif "error" not in expect:
        found += _differs("state", "succeeded", state.status, _error_words(world) or _waiting_words(world))
    for field, written in expect.items():
        compare_field = _COMPARERS.get(field)
        if compare_field is not None:
            found += compare_field(written, world)
    return found


def completed(world: World) -> list[str]:
    """Return the paths of all steps that came to their end by running, in that order."""
    return [path for path, how in world.settled if how in _ENDED and "!" not in path]


def _differs(
    about: str, expected: Any, actual: Any, words: str = "", *, loosely: bool = False
) -> list[Difference]:
    if matches(expected, actual, loosely=loosely):
        return []
    return [Difference(about=about, expected=expected, actual=to_wire(actual), words=words)]


def _output(written: Any, world: World) -> list[Difference]:
    state = world.root.state
    if state.status not in ("succeeded", "compensated") and not matches(written, state.output):
        return [Difference(about="output", expected=written, actual=None, words=f"the run is {state.status}")]
    return _differs("output", written, state.output)


def _error(written: Any, world: World) -> list[Difference]:
    error = world.root.state.error
    if error is None:
        return [Difference(about="error", expected=written, actual=None, words="the run has no error")]
    told = msgspec.to_builtins(error)
    if isinstance(written, str):
        fits = written in (told["class"], told["code"]) or written in told["message"]
        return [] if fits else [Difference(about="error", expected=written, actual=told)]
    if isinstance(written, dict) and isinstance(written.get("message"), str):
        written = {**written, "message": {"$has": written["message"]}}
    return _differs("error", written, told, loosely=True)


def _path(written: Any, world: World) -> list[Difference]:
    way, wanted = "exactly", written
    if isinstance(written, dict) and len(written) == 1:
        ((way, wanted),) = written.items()
    flat = _flat(wanted) if way != "one_of" else [name for one in wanted for name in _flat(one)]
    actual = _as_named(completed(world), flat)
    if _path_fits(way, wanted, actual):
        return []
    return [Difference(about="path", expected=written, actual=actual)]


def _flat(wanted: Any) -> list[str]:
    return [str(name) for name in wanted] if isinstance(wanted, list) else []


def _as_named(paths: list[str], wanted: list[str]) -> list[str]:
    """Return the paths in the way the case names them: outermost steps, all steps, or every activation by itself."""
    if any("[" in name for name in wanted):
        return paths
    if any("/" in name for name in wanted):
        return [static_path(path) for path in paths]
    return [path for path in paths if "/" not in path]


def _path_fits(way: str, wanted: Any, actual: list[str]) -> bool:
    match way:
        case "in_any_order":
            return Counter(wanted) == Counter(actual)
        case "contains":
            rest = iter(actual)
            return all(name in rest for name in wanted)
        case "starts_with":
            return actual[: len(wanted)] == list(wanted)
        case "one_of":
            return any(list(one) == actual for one in wanted)
        case _:
            return list(wanted) == actual


def _ran(written: Any, world: World) -> list[Difference]:
    done = set(completed(world))
    names = done | {static_path(path) for path in done}
    missing = [name for name in _flat(written) if name not in names]
    if not missing:
        return []
    return [
        Difference(
            about="ran", expected=written, actual=sorted(names), words=f"did not run: {', '.join(missing)}"
        )
    ]


def _not_run(written: Any, world: World) -> list[Difference]:
    began = {path for path, how in world.settled if how not in ("skipped", "disabled")}
    began |= {path for path, _ in world.executed}
    names = {name for path in began for name in _names(path)}
    ran = [name for name in _flat(written) if name in names]
    if not ran:
        return []
    return [
        Difference(about="not_run", expected=written, actual=ran, words=f"ran all the same: {', '.join(ran)}")
    ]


def _steps(written: Any, world: World) -> list[Difference]:
    outputs = world.outputs
    found = []
    for path, expected in written.items():
        if path not in outputs:
            found.append(
                Difference(about=f"steps.{path}", expected=expected, actual=None, words="it has no output")
            )
        else:
            found += _differs(f"steps.{path}", expected, outputs[path], loosely=True)
    return found


def _sent(written: Any, world: World) -> list[Difference]:
    found = []
    for path, expected in written.items():
        sent = [command.parameters for name, command in world.executed if path in _names(name)]
        firsts = [one for at, one in enumerate(sent) if one not in sent[:at]]
        if not sent:
            found.append(
                Difference(about=f"sent.{path}", expected=expected, actual=None, words="it was never called")
            )
        elif isinstance(expected, list):
            found += _differs(f"sent.{path}", expected, firsts, loosely=True)
        else:
            found += _differs(f"sent.{path}", expected, sent[-1], loosely=True)
    return found


def _calls(written: Any, world: World) -> list[Difference]:
    counts = Counter(
        name
        for path, _ in world.executed
        for name in {path, static_path(path) + "".join(path.partition("!")[1:])}
    )
    return [
        one for path, expected in written.items() for one in _differs(f"calls.{path}", expected, counts[path])
    ]


def _names(path: str) -> set[str]:
    """Return how a case may name an activation: by its own path, and by that of its step; an undo is not its step."""
    bare, mark, purpose = path.partition("!")
    return {path, static_path(bare) + mark + purpose}


def _undone(written: Any, world: World) -> list[Difference]:
    actual = [path.partition("!")[0] for path, how in world.settled if how == "undone"]
    if not any("[" in name for name in _flat(written)):
        actual = [static_path(path) for path in actual]
    return _differs("undone", written, actual)


def _waits_for(written: Any, world: World) -> list[Difference]:
    actual = sorted(world.waiting)
    return _differs("waits_for", sorted(_flat(written)), actual)


def _variables(written: Any, world: World) -> list[Difference]:
    return _differs("variables", written, world.root.state.variables, loosely=True)


def _took(written: Any, world: World) -> list[Difference]:
    if world.took == parse_duration(str(written)):
        return []
    return [Difference(about="took", expected=written, actual=format_duration(world.took))]


def _error_words(world: World) -> str:
    error = world.root.state.error
    if error is None:
        return ""
    where = f" in {error.path}" if error.path else ""
    return f"{error.class_}/{error.code}{where}: {error.message}"


def _waiting_words(world: World) -> str:
    return f"it still waits at {', '.join(sorted(world.waiting))}" if world.waiting else ""


_COMPARERS: dict[str, Callable[[Any, World], list[Difference]]] = {
    "output": _output,
    "error": _error,
    "path": _path,
    "ran": _ran,
    "not_run": _not_run,
    "steps": _steps,
    "sent": _sent,
    "calls": _calls,
    "undone": _undone,
    "waits_for": _waits_for,
    "variables": _variables,
    "took": _took,
}
