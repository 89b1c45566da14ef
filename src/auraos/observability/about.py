"""What the process is at work on: a request, an attempt of a step. Every line of the log that is said meanwhile tells it."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Protocol


class About(Protocol):
    """Something that the process works on."""

    def told(self) -> Mapping[str, str]:
        """Return what a line of the log says of it, as in `{"run": …, "step": …}`; nothing once it is over."""
        ...


ABOUT: ContextVar[About | None] = ContextVar("auraos.about", default=None)
"""What this task works on. Tasks that it begins inherit it, so it says by itself when it is over."""


def told_now() -> Mapping[str, str]:
    """Return what a line of the log is about that is said now."""
    about = ABOUT.get()
    return {} if about is None else about.told()
