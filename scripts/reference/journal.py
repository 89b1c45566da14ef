"""The journal: every fact with its fields, and the commands that the machine gives back."""

import typing

import msgspec

from auraos.core.run import commands, facts
from markdown import Page, code, page, table
from schema_words import fields

TITLE = "Facts and commands"
FRONT = "journal.md"
SUMMARY = "what stands in a run's journal, and what the run machine wishes of its runtime."


def pages() -> list[Page]:
    """Return the page of the journal."""
    return [
        page(
            FRONT,
            TITLE,
            "A run's journal is its facts in order; [the run machine](../explanation/run-machine.md) says how they come about."
            " Each fact has `at`, in microseconds since 1970, and `v`, its version. `auraos runs journal` prints them.",
            "## Facts from outside",
            *(_fact(kind) for kind in typing.get_args(facts.OutsideFact)),
            "## Facts that the machine decided",
            "They hold everything that had to be evaluated, so folding a journal evaluates nothing.",
            *(_fact(kind) for kind in typing.get_args(facts.DecidedFact)),
            "## Commands",
            "They are released only after the facts before them are durable, and are not kept.",
            table(
                ("command", "wish"),
                [(code(kind.__name__), _words(kind)) for kind in typing.get_args(commands.Command)],
            ),
        )
    ]


def _fact(kind: type[msgspec.Struct]) -> str:
    (schema,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    own = components[schema["$ref"].rpartition("/")[2]]
    rows = [row for row in fields({**own, "$defs": components}) if row[0] not in ("`fact`", "`at`", "`v`")]
    shown = table(
        ("field", "type", "default"), [(row[0], row[1], row[3]) for row in rows if "." not in row[0]]
    )
    return "\n\n".join(part for part in (f"### {kind.__name__}", _words(kind), shown) if part)


def _words(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split())
