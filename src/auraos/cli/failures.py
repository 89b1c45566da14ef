"""Errors for people and for scripts: what, where, what to do; and which exit code each kind of error has."""

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auraos.cli.exits import Exit
from auraos.cli.screen import clean, print_json, to_side
from auraos.core.errors import AuraError, OperationalError, UnexpectedError, UserError

if TYPE_CHECKING:
    from cyclopts import CycloptsError


class WrongInputError(UserError):
    """What the person gave on the command line cannot be used."""

    code = "wrong-input"


def explain_usage(error: "CycloptsError", *, as_json: bool) -> int:
    """Say which argument does not fit, and how to see the right ones."""
    words = " ".join(error.command_chain or ())
    message = _missing(error, words) or " ".join(str(error).split())
    hint = f"See `auraos {words} --help`." if words else "See `auraos --help`."
    return say("wrong-usage", message, hint, Exit.WRONG_INPUT, as_json=as_json)


def explain_error(error: AuraError | OSError, *, as_json: bool, debug: bool) -> int:
    """Say what an expected error means; the traceback is shown on request."""
    if isinstance(error, UnexpectedError):
        return explain_bug(error, as_json=as_json, debug=debug)
    if debug:
        traceback.print_exception(error)
    if isinstance(error, AuraError):
        return say(
            error_code(error), error.message, error.hint, exit_of(error), as_json=as_json, data=error.data
        )
    code, message, exit_code = _of_system(error)
    return say(code, message, "", exit_code, as_json=as_json)


def explain_bug(error: Exception, *, as_json: bool, debug: bool) -> int:
    """Say that this is our mistake and where to report it."""
    if debug:
        traceback.print_exception(error)
    message = f"AuraOS made a mistake: {type(error).__name__}: {error}"
    hint = f"Please report it{_tracker()}, with the command and what `--debug` prints."
    return say("bug", message, hint, Exit.BUG, as_json=as_json)


def exit_of(error: AuraError) -> Exit:
    """Return the exit code of an expected error; what is accepted and not done yet is none that failed."""
    if error.code == "accepted":
        return Exit.UNFINISHED
    return Exit.WORLD_FAILED if isinstance(error, OperationalError) else Exit.WRONG_INPUT


def error_code(error: AuraError) -> str:
    """Return the stable code of an error: the one of the server, where a server tells it."""
    said: str = getattr(error, "said", "")
    return said or error.code


def say(code: str, message: str, hint: str, exit_code: Exit, *, as_json: bool, data: Any = None) -> int:
    """Write an error, as text to standard error or as JSON to standard output; return its exit code."""
    if as_json:
        shown: dict[str, Any] = {"code": code, "message": message}
        if hint:
            shown["hint"] = hint
        if data:
            shown["data"] = data
        print_json({"ok": False, "error": shown, "exit_code": int(exit_code)})
        return exit_code
    screen = to_side()
    screen.line(screen.tint(f"error[{clean(code)}]", "red", "bold") + f": {clean(message)}")
    if hint:
        screen.line("  " + screen.tint("help", "cyan") + f": {clean(hint)}")
    sys.stderr.flush()
    return exit_code


def _missing(error: "CycloptsError", words: str) -> str:
    """Return what to say of an argument that was left out; nothing for another error."""
    if type(error).__name__ != "MissingArgumentError" or error.argument is None:
        return ""
    name, meaning = error.argument.name, error.argument.parameter.help or ""
    if name.startswith("-"):
        return f"{name} wants a value: {meaning}"
    return f"`auraos {words}` wants {name}: {meaning}"


def _of_system(error: OSError) -> tuple[str, str, Exit]:
    name = error.filename if isinstance(error.filename, str) else None
    words = error.strerror or str(error)
    message = f"{name}: {words}" if name else words
    match error:
        case FileNotFoundError() if name:
            folder = Path(name).parent
            told = (
                f"There is no file {name!r}." if folder.is_dir() else f"There is no folder {str(folder)!r}."
            )
            return "no-such-file", told, Exit.WRONG_INPUT
        case FileNotFoundError():
            return "no-such-file", message, Exit.WRONG_INPUT
        case IsADirectoryError() | NotADirectoryError():
            return "wrong-kind-of-file", message, Exit.WRONG_INPUT
        case _:
            return "system-refused", message, Exit.WORLD_FAILED


def _tracker() -> str:
    from importlib.metadata import metadata  # noqa: PLC0415 (only a mistake of ours is reported)

    for entry in metadata("auraos").get_all("Project-URL") or ():
        label, _, address = entry.partition(",")
        if label.strip().lower() in ("issues", "bug tracker", "tracker"):
            return f" at {address.strip()}"
    return " to the people who look after this installation"
