"""What a command is: its words on the command line, where its code is, and one line on it."""

from typing import Literal, NamedTuple


class Command(NamedTuple):
    """One command: its words on the command line, the function behind it, and one line on it."""

    words: str
    target: str
    summary: str
    asks: Literal["here", "either", "server"] = "here"
    """Whom it asks: this machine, a server if one is chosen, or always a server."""


class Chapter(NamedTuple):
    """Commands that a person looks for at the same moment."""

    title: str
    commands: tuple[Command, ...]
