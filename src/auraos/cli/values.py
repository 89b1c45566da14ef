"""How values pass between commands and people: out in their plain form; in as plain JSON, and with kinds where a command
says so.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from auraos.cli.failures import WrongInputError
from auraos.core.values import Value, ValueRefusedError, from_wire, to_plain

if TYPE_CHECKING:
    from auraos.core.run.facts import StepError

_KINDS = "$decimal, $datetime, $date and $duration"


def error_document(error: "StepError | None") -> dict[str, Any] | None:
    """Return an error as the JSON output has it, with its data and its cause in their plain form."""
    if error is None:
        return None
    bare = msgspec.structs.replace(error, data=to_plain(error.data), cause=None)
    told: dict[str, Any] = msgspec.to_builtins(bare)
    if error.cause is not None:
        told["cause"] = error_document(error.cause)
    return told


def with_kinds(given: Any) -> Value:
    """Return a value that was typed as JSON in which `{"$decimal": "1.50"}` and the like stand for what JSON lacks.

    A file is refused: one is named by its hash, and nobody may put a name to content that no step of theirs has read.
    """
    _refuse_files(given)
    try:
        return from_wire(given)
    except ValueRefusedError as error:
        hint = error.hint or f"There are {_KINDS}; a key of your own that begins with $ is written $$."
        raise WrongInputError(error.message, hint=hint) from error


def _refuse_files(given: Any) -> None:
    if isinstance(given, dict):
        if set(given) == {"$file"}:
            raise WrongInputError(
                "A file cannot be given here.",
                hint="Let a step of the run read it; a key of your own that is called $file is written $$file.",
            )
        for item in given.values():
            _refuse_files(item)
    elif isinstance(given, list):
        for item in given:
            _refuse_files(item)
