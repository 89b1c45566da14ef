"""The step types: a page for each, from its entry point."""

from importlib.metadata import entry_points
from typing import Any

from msgspec import UNSET

from auraos.core.catalogue import Behaviour, Effect, Example, StepType
from markdown import Page, as_json, as_yaml, block, code, in_line, page, table
from schema_words import fields, type_words

TITLE = "Step types"
FRONT = "steps/index.md"
SUMMARY = "what a step can do: settings, ports, effect, output, examples."

EFFECT_WORDS = {
    Effect.PURE: "none; it is evaluated, and repeating it is harmless",
    Effect.READ: "reads; an attempt of unknown outcome may be repeated",
    Effect.IDEMPOTENT: "writes so that twice is the same as once; an attempt of unknown outcome may be repeated",
    Effect.WRITE: "writes; an attempt of unknown outcome is never repeated by itself",
    Effect.IRREVERSIBLE: "writes what cannot be taken back; an attempt of unknown outcome is never repeated by itself",
}


def step_types() -> list[StepType]:
    """Return the installed step types by name."""
    return sorted(
        (entry.load() for entry in entry_points(group="auraos.steps")), key=lambda found: found.name
    )


def pages() -> list[Page]:
    """Return the list of step types, and a page for each."""
    types = step_types()
    rows = [
        (f"[{code(found.name)}]({found.name}.md)", found.title, _effect_word(found), found.summary)
        for found in types
    ]
    front = page(
        FRONT,
        TITLE,
        "A step names its type; `with` holds the settings. Every step also takes the fields that the"
        " [workflow schema](../schemas/workflow.md) lists: `join`, `retry`, `timeout`, `key`, `undo` and so on.",
        table(("type", "title", "effect", "what it does"), rows),
    )
    return [front, *(_page_of(found) for found in types)]


def _page_of(found: StepType) -> Page:
    return page(
        f"steps/{found.name}.md",
        found.name,
        f"**{found.title}.** {found.summary}",
        found.description,
        _facts(found),
        "## Settings",
        table(("field", "type", "required", "default", "meaning"), fields(found.settings))
        or "It has no settings.",
        *_output(found),
        *(("## Examples",) if found.examples else ()),
        *(_example(found, example) for example in found.examples),
    )


def _facts(found: StepType) -> str:
    rows = [("Version", str(found.version)), ("Effect", _effect(found)), ("Ports", _ports(found))]
    if found.behaviour is not Behaviour.EXECUTE:
        rows.append(
            (
                "Carried out by",
                "the run machine, while it decides"
                if found.behaviour is Behaviour.EVALUATE
                else "the run machine",
            )
        )
    return table(("trait", "value"), rows)


def _effect_word(found: StepType) -> str:
    return found.effect.value if isinstance(found.effect, Effect) else "by its settings"


def _effect(found: StepType) -> str:
    if isinstance(found.effect, Effect):
        return f"{code(found.effect.value)}: {EFFECT_WORDS[found.effect]}"
    lines = dict.fromkeys(found.effect_of(example.settings).value for example in found.examples)
    seen = ", ".join(code(effect) for effect in lines)
    return f"decided by its settings{f' (in the examples below: {seen})' if seen else ''}, and fixed when it is published"


def _ports(found: StepType) -> str:
    if isinstance(found.ports, tuple):
        return ", ".join(code(port) for port in (*found.ports, "error"))
    seen = dict.fromkeys(port for example in found.examples for port in found.ports_of(example.settings))
    shown = f" (in the examples below: {', '.join(code(port) for port in seen)})" if seen else ""
    return f"named by its settings{shown}, and {code('error')}"


def _output(found: StepType) -> list[str]:
    if not isinstance(found.output, dict):
        return ["## Output", "Its type follows from the settings."]
    if not found.output:
        return []
    rows = [row[:2] + row[4:] for row in fields(found.output)]
    words = type_words(found.output, found.output.get("$defs", {}))
    return ["## Output", table(("field", "type", "meaning"), rows) or f"The output is: {words}."]


def _example(found: StepType, example: Example) -> str:
    step: dict[str, Any] = {"type": found.name}
    if example.settings:
        step["with"] = dict(example.settings)
    parts = [f"### {example.title}", block("yaml", as_yaml(step))]
    output = example.output
    if found.ports != ("out",) and isinstance(output, dict) and set(output) == {"ports", "output"}:
        live = " and ".join(code(port) for port in output["ports"])
        parts.append(f"goes on at {live}, with the output {code(in_line(output['output']))}.")
    elif output is not UNSET:
        parts += ["gives", block("json", as_json(output))]
    return "\n\n".join(parts)
