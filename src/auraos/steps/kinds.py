"""Kinds of settings that several families share: what a form draws for them, and how their text is read."""

from datetime import datetime, timedelta
from typing import Annotated, Any, TypeAlias

import msgspec

from auraos.core.values import ValueRefusedError, parse_datetime, parse_duration, type_name
from auraos.sdk import StepFailed

DURATION = {"type": "string", "x-kind": "duration", "examples": ["30s", "5m", "72h"]}
MOMENT = {"type": "string", "x-kind": "datetime", "examples": ["2026-11-20T17:30:00Z"]}
PYTHON = {"x-kind": "python"}

Duration: TypeAlias = Annotated[Any, msgspec.Meta(extra_json_schema=DURATION)]
Items: TypeAlias = Annotated[list[Any], msgspec.Meta(description="The list to work on.")]
Text: TypeAlias = Annotated[str, msgspec.Meta(description="The text to read.")]


def read_duration(value: Any, field: str) -> timedelta:
    """Return a span that was given as a duration or as its text; an unreadable one fails as class `data`."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise _unreadable(
            field, f"is {type_name(value)}, not a duration", "Write it as 30s, 5m, 1h30m, 72h or 5d."
        )
    try:
        return parse_duration(value)
    except ValueRefusedError as error:
        raise _unreadable(field, f"cannot be read: {error.message}", error.hint) from error


def read_moment(value: Any, field: str) -> datetime:
    """Return a point in time that was given as one or as RFC 3339 text; else fail as class `data`."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise _unreadable(
            field, f"is {type_name(value)}, not a point in time", "Write it as 2026-11-20T17:30:00Z."
        )
    try:
        return parse_datetime(value)
    except ValueRefusedError as error:
        raise _unreadable(field, f"cannot be read: {error.message}", error.hint) from error


def _unreadable(field: str, fault: str, hint: str) -> StepFailed:
    return StepFailed(
        f"The setting {field!r} {fault}.", error_class="data", code="settings-refused", hint=hint
    )


def bad_text(kind: str, fault: str, hint: str = "") -> StepFailed:
    """Return the failure of a text that is not what it should be."""
    return StepFailed(
        f"The text is no {kind} that can be read: {fault}.",
        error_class="data",
        code="unreadable-text",
        hint=hint,
    )
