"""`auraos steps`: the step types that are installed."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from auraos.app.installed import Installed, load_installed
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.fields import Field, kind_words, list_fields
from auraos.cli.options import Json
from auraos.cli.problems import show_broken
from auraos.cli.screen import Screen, clean, pad, print_json, to_people, to_side
from auraos.core.catalogue import Effect, StepType


def list_types(*, json: Json = False) -> int:
    """List the step types that are installed."""
    installed = load_installed()
    types = installed.catalogue.all()
    if json:
        listed = [_brief(installed, one) for one in types]
        print_json({"ok": True, "steps": listed, "broken_plugins": installed.broken})
        return Exit.DONE
    screen = to_people()
    wide = max((len(one.name) for one in types), default=0)
    for one in types:
        screen.line(f"{screen.tint(pad(one.name, wide), 'bold')}  {clean(one.summary)}")
    for broken in installed.broken:
        show_broken(to_side(), broken)
    return Exit.DONE


def show(type: Annotated[str, Parameter(help="The name of a step type.")], /, *, json: Json = False) -> int:  # noqa: A002
    """Show one step type: its settings, ports, effect and examples."""
    installed = load_installed()
    found = installed.catalogue.find(type)
    if found is None:
        near = get_close_matches(type, installed.catalogue.names(), n=1, cutoff=0.5)
        for broken in installed.broken:
            show_broken(to_side(), broken)
        hint = f"Did you mean {near[0]!r}?" if near else "`auraos steps list` lists them."
        raise WrongInputError(f"There is no step type {type!r}.", hint=hint)
    if json:
        print_json({"ok": True, "step": _whole(installed, found)})
    else:
        _show_type(to_people(), installed, found)
    return Exit.DONE


def _brief(installed: Installed, one: StepType) -> dict[str, Any]:
    return {
        "type": one.name,
        "version": one.version,
        "title": one.title,
        "summary": one.summary,
        "effect": _effect_words(one.effect),
        "from": installed.origins.get(one.name, ""),
    }


def _whole(installed: Installed, one: StepType) -> dict[str, Any]:
    output = one.output if isinstance(one.output, dict) else None
    examples = [
        {"title": example.title, "settings": dict(example.settings)}
        | ({} if example.output is msgspec.UNSET else {"output": example.output})
        for example in one.examples
    ]
    return {
        **_brief(installed, one),
        "description": one.description,
        "behaviour": one.behaviour.value,
        "ports": list(one.ports) if isinstance(one.ports, tuple) else None,
        "settings": one.settings,
        "output": output,
        "examples": examples,
    }


def _show_type(screen: Screen, installed: Installed, one: StepType) -> None:
    screen.line(
        f"{screen.tint(one.name, 'bold')} {screen.tint(f'version {one.version}', 'dim')}  {clean(one.title)}"
    )
    screen.line()
    screen.line(clean(one.summary))
    for paragraph in one.description.split("\n\n") if one.description else ():
        screen.line()
        screen.line(clean(paragraph))
    screen.line()
    ports = ", ".join(one.ports) if isinstance(one.ports, tuple) else "as its settings say"
    screen.line(f"effect  {_effect_words(one.effect)}")
    screen.line(f"ports   {ports}, error")
    screen.line(f"from    {installed.origins.get(one.name, '')}")
    _show_fields(screen, "Settings (`with`)", list_fields(one.settings))
    output = one.output if isinstance(one.output, dict) else {}
    _show_fields(
        screen,
        f"Output (`steps.ID`, here {kind_words(output, {})})",
        [field._replace(required=False) for field in list_fields(output)],
    )
    for example in one.examples:
        screen.line()
        screen.line(screen.tint(f"Example: {clean(example.title)}", "bold"))
        screen.line("  with: " + msgspec.json.encode(example.settings, enc_hook=str).decode())
        if example.output is not msgspec.UNSET:
            screen.line("  gives " + msgspec.json.encode(example.output, enc_hook=str).decode())


def _show_fields(screen: Screen, title: str, fields: list[Field]) -> None:
    if not fields:
        return
    wide = max(2 * field.depth + len(field.name) for field in fields)
    screen.line()
    screen.line(screen.tint(title, "bold"))
    for field in fields:
        needed = screen.tint(" required", "yellow") if field.required else ""
        name = pad("  " * field.depth + field.name, wide)
        screen.line(
            f"  {name}  {screen.tint(clean(field.kind), 'cyan')}{needed}  {clean(field.words)}".rstrip()
        )


def _effect_words(effect: Effect | Callable[..., Effect]) -> str:
    return effect.value if isinstance(effect, Effect) else "as its settings say"
