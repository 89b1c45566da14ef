"""The value of a secret as somebody gives it: part by part on a terminal, else from standard input."""

import getpass
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from auraos.cli.failures import WrongInputError
from auraos.cli.options import read_json
from auraos.cli.screen import clean, to_side

FROM_FILE = "@"
KINDS = "`auraos secrets kinds` lists the parts of each kind."


def given_credential(kind: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a credential of a kind, whose JSON Schema says what they are."""
    parts: dict[str, Any] = {name: each for name, each in schema["properties"].items() if name != "kind"}
    needed = [name for name in schema.get("required", ()) if name != "kind"]
    found = _typed(parts, needed) if sys.stdin.isatty() else _read(kind, needed)
    return {**found, "kind": kind}


def _read(kind: str, needed: list[str]) -> dict[str, Any]:
    """Return what standard input says: an object, or, where one part is all that is needed, that part as it is."""
    text = sys.stdin.read().removesuffix("\n")
    if not text:
        raise WrongInputError("No value was given.", hint="Nothing is kept.")
    if len(needed) == 1 and (kind == "text" or not text.startswith("{")):
        return {needed[0]: text}
    parts = read_json(text, "The value", "the value")
    if not isinstance(parts, dict):
        raise WrongInputError(f"A credential of the kind {kind} is an object.", hint=KINDS)
    return parts


def _typed(parts: Mapping[str, Any], needed: list[str]) -> dict[str, Any]:
    """Ask for each part; those that may be left out, and are no words or numbers, come from standard input only."""
    plain = {
        name: each
        for name, each in parts.items()
        if each.get("type") in ("string", "integer") or "enum" in each
    }
    if any(name not in plain for name in needed):
        raise WrongInputError("A credential of this kind is given as JSON on standard input.", hint=KINDS)
    to_side().line(
        f"What is secret is not shown while it is typed; {FROM_FILE}FILE takes what stands in a file."
    )
    found: dict[str, Any] = {}
    for name, each in plain.items():
        text = _answer(name, each, must=name in needed)
        if text:
            found[name] = _number(name, text) if each.get("type") == "integer" else text
        elif name in needed:
            raise WrongInputError(f"{name} was not given.", hint="Nothing is kept.")
    return found


def _answer(name: str, part: Mapping[str, Any], *, must: bool) -> str:
    told = [str(part["description"]).rstrip(".")] if "description" in part else []
    told += [" or ".join(str(each) for each in part["enum"])] if "enum" in part else []
    told += [] if must else ["Enter leaves it out"]
    prompt = clean(f"{name} ({'; '.join(told)}): " if told else f"{name}: ")
    if part.get("writeOnly"):
        text = getpass.getpass(prompt)
    else:
        to_side().stream.write(prompt)
        to_side().stream.flush()
        text = sys.stdin.readline().rstrip("\n")
    if text.startswith(FROM_FILE * 2):
        return text[1:]
    return _from_file(text[1:]) if text.startswith(FROM_FILE) else text


def _from_file(name: str) -> str:
    try:
        return Path(name).expanduser().read_text().removesuffix("\n")
    except (OSError, ValueError) as error:
        hint = f"Nothing is kept. What begins with {FROM_FILE} itself is typed with {FROM_FILE * 2}."
        raise WrongInputError(f"The file {clean(name)} cannot be read.", hint=hint) from error


def _number(name: str, text: str) -> int:
    try:
        return msgspec.json.decode(text, type=int)
    except msgspec.DecodeError as error:
        raise WrongInputError(f"{name} is a whole number.", hint="Nothing is kept.") from error
