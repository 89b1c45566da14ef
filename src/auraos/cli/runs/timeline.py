"""The timeline of a run: each step as a bar, from its beginning to its end."""

import shutil
from typing import Any

import msgspec

from auraos.cli.following import show_error
from auraos.cli.progress import FROM_CACHE, MARKS, Mark, fallback_words
from auraos.cli.screen import Screen, clean, fit, pad, print_json, width
from auraos.cli.times import took_words
from auraos.cli.values import error_document
from auraos.core.run import RunView, StepView
from auraos.core.values import to_plain

_SIGNS: dict[str, Mark] = {
    "succeeded": "done",
    "inherited": "done",
    "stopped": "done",
    "caught": "failed",
    "failed": "failed",
    "undo-failed": "failed",
    "undone": "undone",
    "skipped": "skipped",
    "cancelled": "skipped",
    "disabled": "skipped",
}
_OPEN_SIGNS: dict[str, Mark] = {
    "waiting": "waiting",
    "calling": "waiting",
    "asked": "waiting",
    "retrying": "retrying",
}
_MOST_STEPS = 200


def show_view(screen: Screen, seen: RunView, *, now: int) -> None:
    """Write the steps of a run as bars, those under way up to now, then its output or error."""
    steps = [step for step in seen.steps if step.how != "skipped"]
    _show_bars(screen, steps, {why.path: why.state for why in seen.why}, now)
    skipped = [step.path for step in seen.steps if step.how == "skipped"]
    if skipped:
        screen.line(screen.tint(f"  skipped: {fit(', '.join(skipped), 100)}", "dim"))
    for name in seen.unread:
        screen.line(screen.tint(f"  a signal that nobody took: {clean(name)}", "yellow"))
    if seen.error is not None:
        show_error(screen, seen.error)
    elif seen.status == "succeeded":
        screen.line("  output:")
        screen.stream.flush()
        print_json(to_plain(seen.output))


def view_document(seen: RunView) -> dict[str, Any]:
    """Return a run as the JSON output has it."""
    return {
        "state": seen.status,
        "steps": [_step_document(step) for step in seen.steps],
        "waits": [msgspec.to_builtins(why, enc_hook=str) for why in seen.why],
        "unread_signals": seen.unread,
        "output": to_plain(seen.output),
        "error": error_document(seen.error),
    }


def _show_bars(screen: Screen, steps: list[StepView], states: dict[str, str], now: int) -> None:
    times = [moment for step in steps for moment in (step.began_at, step.ended_at) if moment is not None]
    if not times:
        return
    first = min(times)
    last = max(first + 1, *times, *(now for step in steps if step.ended_at is None))
    names = min(40, max(width(clean(step.path)) for step in steps))
    room = max(10, min(60, shutil.get_terminal_size((100, 24)).columns - names - 40))
    hidden = len(steps) - _MOST_STEPS
    for step in steps[:_MOST_STEPS]:
        sign, tint = MARKS[
            _SIGNS.get(step.how, "done")
            if step.how
            else _OPEN_SIGNS.get(states.get(step.path, ""), "running")
        ]
        bar = _bar(step, first, last, room)
        took = took_words((step.ended_at or last) - step.began_at) if step.began_at is not None else ""
        words = _words(step)
        screen.line(
            f"  {screen.tint(sign, tint)} {pad(fit(step.path, names), names)} {screen.tint(pad(bar, room), tint)}"
            f" {screen.tint(took.rjust(8), 'dim')}  {clean(words)}".rstrip()
        )
    if hidden > 0:
        screen.line(screen.tint(f"  … and {hidden} more; --json has them all", "dim"))


def _bar(step: StepView, first: int, last: int, room: int) -> str:
    if step.began_at is None:
        return ""
    start = (step.began_at - first) * (room - 1) // (last - first)
    end = ((step.ended_at or last) - first) * (room - 1) // (last - first)
    length = max(1, end - start + 1)
    return " " * start + "━" * length + ("" if step.ended_at else "╸")


def _words(step: StepView) -> str:
    parts = []
    if step.attempts > 1:
        parts.append(f"{step.attempts} attempts")
    named = [port for port in step.ports if port not in ("out", "error")]
    if named:
        parts.append(f"→ {', '.join(named)}")
    if step.cached:
        parts.append(FROM_CACHE)
    if step.by_fallback:
        parts.append(fit(fallback_words(step.error), 80))
    elif step.error is not None:
        parts.append(fit(f"{step.error.class_}/{step.error.code}: {step.error.message}", 80))
    elif step.how in ("inherited", "cancelled", "disabled", "undone"):
        parts.append(step.how)
    return "  ".join(parts)


def _step_document(step: StepView) -> dict[str, Any]:
    return {
        "path": step.path,
        "type": step.type,
        "how": step.how or "under way",
        "attempts": step.attempts,
        "began_at": step.began_at,
        "ended_at": step.ended_at,
        "ports": list(step.ports),
        "by_fallback": step.by_fallback,
        "cached": step.cached,
        "output": to_plain(step.output),
        "error": error_document(step.error),
    }
