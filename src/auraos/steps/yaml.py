"""`yaml.parse` and `yaml.format`: YAML 1.2 without tags, with bounds on depth, length and aliases."""

import re
from typing import Annotated, Any

import msgspec
import yaml

from auraos.core.document import parse
from auraos.core.document.scalars import is_text
from auraos.core.values import to_plain
from auraos.sdk import Effect, Example, Value, step_type
from auraos.steps.kinds import Text, bad_text


class ParseSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to read."""

    text: Text


@step_type(
    "yaml.parse",
    title="Read YAML",
    effect=Effect.PURE,
    examples=(
        Example(title="A document", settings={"text": "on: no\nqty: 3\n"}, output={"on": "no", "qty": 3}),
    ),
)
def parse_yaml(settings: ParseSettings) -> Value:
    """Reads a YAML document into values.

    YAML 1.2: `on`, `no` and `12:30` are text. Tags are refused, and so are keys that stand twice and
    aliases that blow up.
    """
    parsed = parse(settings.text)
    if parsed.problems:
        first = parsed.problems[0]
        where = f"line {first.place.line}, column {first.place.column}: " if first.place else ""
        raise bad_text("YAML", where + first.message.rstrip("."), first.hint)
    return parsed.tree.value if parsed.tree else None


class FormatSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to write."""

    value: Annotated[Any, msgspec.Meta(description="What to write.")]


@step_type(
    "yaml.format",
    title="Write YAML",
    effect=Effect.PURE,
    output={"type": "string"},
    examples=(
        Example(
            title="A document",
            settings={"value": {"name": "Ada", "answer": "no", "lines": [1, 2]}},
            output="name: Ada\nanswer: 'no'\nlines:\n- 1\n- 2\n",
        ),
    ),
)
def format_yaml(settings: FormatSettings) -> str:
    """Writes a value as YAML text that reads back as the same value.

    Decimals, dates and durations are written as text.
    """
    return yaml.dump(to_plain(settings.value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


_ODD = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that are line breaks to older readers, or that have to be written as escapes."""


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, and quotes every text that YAML 1.2 would read as something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = '"' if _ODD.search(text) else None if is_text(text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
