"""The trail written out: as JSON lines that can be verified, as CSV for tables, and as CEF for those who collect events.

Every form is made line by line. What comes from people is escaped in each: it ends no line, begins no formula, and is no field.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from auraos.core.audit import Entry
from auraos.security.audit.chain import ERASED, Kept
from auraos.security.audit.parts import entry_of
from auraos.security.audit.signing import KnownKey
from auraos.security.audit.store import Checkpoint, Filter, Head

FORMAT: Final = 1
COLUMNS: Final = (
    "seq", "at", "workspace", "actor_kind", "actor_id", "actor", "key", "address", "action", "object_kind", "object",
    "outcome", "why", "request", "before", "after", "hash",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_SEVERITY: Final[Mapping[str, int]] = {"done": 3, "failed": 5, "unknown": 5, "refused": 6}


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of JSON lines: what follows, and where the trail ends."""

    format: int = FORMAT
    installation: str
    at: int
    head: Head
    keys: tuple[KnownKey, ...] = ()
    wanted: Filter | None = None
    """Which entries are there; without it, all of them, and then the file can be verified."""


class ExportedLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry as a line. The texts that are chained stand in it as they are kept, so that nothing is written anew."""

    seq: int
    facts: msgspec.Raw
    told: msgspec.Raw
    told_salt: str = ""
    origin: str = ""
    origin_salt: str = ""
    hash: str
    names: dict[str, str] = {}
    """Who the people were called then, by their ids; it is not chained."""


def line_of(kept: Kept, names: Mapping[str, str]) -> bytes:
    """Return an entry as a JSON line."""
    told = kept.told if kept.told.startswith("{") else f'"{kept.told}"' if kept.told else "null"
    line = ExportedLine(
        seq=kept.seq, facts=msgspec.Raw(kept.facts), told=msgspec.Raw(told), told_salt=kept.told_salt,
        origin=kept.origin, origin_salt=kept.origin_salt, hash=kept.hash,
        names={each: names[each] for each in ids_of([kept]) if each in names},
    )  # fmt: skip
    return msgspec.json.encode(line) + b"\n"


def kept_of_line(line: ExportedLine) -> Kept:
    """Return an entry from its line; it is listed by what it says."""
    facts = bytes(line.facts).decode()
    told = bytes(line.told).decode().removeprefix("null")
    said = entry_of(facts, "", "", {})
    about = said.object
    return Kept(
        seq=line.seq, at=said.at, workspace=said.workspace, actor=said.actor.id, action=said.action,
        object=f"{about.kind}/{about.id or about.name}" if about is not None else "", outcome=said.outcome,
        facts=facts, told=told.strip('"') if told.startswith(f'"{ERASED}') else told, told_salt=line.told_salt,
        origin=line.origin, origin_salt=line.origin_salt, hash=line.hash,
    )  # fmt: skip


def signed_line(made: Checkpoint) -> bytes:
    """Return a signed head as a JSON line."""
    return msgspec.json.encode({"signed": made}) + b"\n"


def csv_header() -> bytes:
    """Return the first line of CSV."""
    return _csv(COLUMNS)


def csv_line(kept: Kept, names: Mapping[str, str]) -> bytes:
    """Return an entry as a line of CSV; a cell that a table would take for a formula begins with an apostrophe."""
    entry = entry_of(kept.facts, kept.told, kept.origin, names)
    about = entry.object
    return _csv(
        (
            kept.seq, entry.at, entry.workspace, entry.actor.kind, entry.actor.id, entry.actor.name, entry.actor.key,
            entry.actor.address, entry.action, about.kind if about else "", (about.name or about.id) if about else "",
            entry.outcome, entry.why, entry.actor.request, _json(entry.before), _json(entry.after), kept.hash,
        )
    )  # fmt: skip


def cef_line(kept: Kept, names: Mapping[str, str], version: str) -> bytes:
    """Return an entry in the Common Event Format: one line, its fields by the names of its dictionary."""
    entry = entry_of(kept.facts, kept.told, kept.origin, names)
    head = "|".join(
        _cef_head(each)
        for each in (
            "CEF:0", "AuraOS", "Automation", version, entry.action, _title(entry), str(_SEVERITY[entry.outcome]),
        )
    )  # fmt: skip
    about = entry.object
    fields = {
        "rt": str(entry.at // 1000), "externalId": str(kept.seq), "act": entry.action, "outcome": entry.outcome,
        "suid": entry.actor.id, "suser": entry.actor.name, "spriv": entry.actor.kind, "src": entry.actor.address,
        "reason": entry.why, "cs1Label": "workspace" if entry.workspace else "", "cs1": entry.workspace,
        "cs2Label": "object" if about else "",
        "cs2": f"{about.kind}/{about.name or about.id}" if about else "",
        "cs3Label": "request" if entry.actor.request else "", "cs3": entry.actor.request,
        "cs4Label": "key" if entry.actor.key else "", "cs4": entry.actor.key,
        "cs5Label": "before" if entry.before is not None else "", "cs5": _json(entry.before),
        "cs6Label": "after" if entry.after is not None else "", "cs6": _json(entry.after),
        "fileHash": kept.hash,
    }  # fmt: skip
    told = " ".join(f"{name}={_cef_value(value)}" for name, value in fields.items() if value)
    return f"{head}|{told}\n".encode()


def ids_of(entries: Iterable[Kept]) -> list[str]:
    """Return the ids of the people whom entries name."""
    found = {kept.actor for kept in entries if kept.actor}
    found |= {kept.object.removeprefix("person/") for kept in entries if kept.object.startswith("person/")}
    return sorted(found)


def _title(entry: Entry) -> str:
    noun, _, verb = entry.action.partition(".")
    return f"{noun} {verb} {entry.outcome}"


def _json(value: Any) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()


def _csv(cells: Iterable[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([_harmless(cell) for cell in cells])
    return out.getvalue().encode()


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _cef_head(text: str) -> str:
    return _one_line(text.replace("\\", "\\\\").replace("|", "\\|"))


def _cef_value(text: str) -> str:
    return text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")
