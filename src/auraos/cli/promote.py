"""`auraos definitions promote` and `roll-back`, and `auraos bindings`: from one workspace of a server to another, and back."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from auraos.cli.asking import ask_server
from auraos.cli.columns import show_columns
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import Json
from auraos.cli.screen import Screen, clean, print_json, to_people

if TYPE_CHECKING:
    from auraos.client import Client
    from auraos.client.shapes.promotions import BindingDetail, PromotedAll

# ruff: noqa: PLC0415 (the client is imported by whoever asks a server)


def promote(
    names: Annotated[
        tuple[str, ...], Parameter(help="The definitions; NAME@3 is a version, else the live one. KIND/NAME.")
    ],
    /,
    *,
    from_: Annotated[str, Parameter(name="--from", help="The workspace that they come from.")],
    with_called: Annotated[bool, Parameter(negative="", help="With all that they call.")] = False,
    as_written: Annotated[
        tuple[str, ...],
        Parameter(
            help="A variable that is bound there and not here, and keeps the value of there.", negative=""
        ),
    ] = (),
    dry_run: Annotated[bool, Parameter(negative="", help="Say what would be done, and do nothing.")] = False,
    note: Annotated[str, Parameter(help="Why; it stands at the version.")] = "",
    json: Json = False,
) -> int:
    """Publish versions of another workspace in this one, with what is bound here in place of what differs.

    --dry-run says what would change and what is missing. Nothing is done where a secret is missing here, or a variable that is
    bound there is not bound here. `auraos definitions roll-back` undoes it.
    """

    async def go(client: "Client") -> "PromotedAll":
        from auraos.client.shapes.promotions import Picked

        items = tuple(
            Picked(kind=kind, name=name, version=version) for kind, name, version in map(_picked, names)
        )
        return await client.promotions.promote_definitions(
            source=from_,
            items=items,
            with_called=with_called,
            as_written=as_written,
            dry_run=dry_run,
            note=note,
        )

    done = ask_server(go)
    if json:
        print_json({"ok": True, "dry_run": dry_run, "items": msgspec.to_builtins(done.items)})
        return Exit.DONE
    screen = to_people()
    for one in done.items:
        _tell(screen, one, dry_run=dry_run)
    return Exit.DONE


def roll_back(
    name: Annotated[
        str, Parameter(help="The definition; NAME@3 is the version, else the one before the live one.")
    ],
    /,
    *,
    note: Annotated[str, Parameter(help="Why; it stands at the version.")] = "",
    json: Json = False,
) -> int:
    """Publish a former version again, as the newest one. Runs that are under way stay on theirs."""
    kind, bare, version = _picked(name)
    made = ask_server(
        lambda client: client.definition_history.roll_back(kind, bare, version=version, note=note)
    )
    if json:
        print_json({"ok": True, "version": made.version, "hash": made.hash, "note": made.note})
    else:
        to_people().line(f"{clean(bare)} is live as version {made.version}. {clean(made.note)}.")
    return Exit.DONE


def list_bindings(*, json: Json = False) -> int:
    """List what is bound in the workspace: what stands for a variable or a secret in all that is promoted here."""
    found = ask_server(lambda client: client.promotions.list_bindings())
    if json:
        print_json({"ok": True, "bindings": msgspec.to_builtins(found)})
        return Exit.DONE
    screen = to_people()
    if not found:
        screen.line("Nothing is bound here.")
    show_columns(screen, [_row(one) for one in found])
    return Exit.DONE


def bind(
    what: Annotated[Literal["variable", "secret"], Parameter(help="What it stands for.")],
    given: Annotated[str, Parameter(help="The name of the variable or secret, as definitions have it.")],
    value: Annotated[
        str, Parameter(help="A value as JSON (other text stands for itself), or the name of a secret.")
    ],
    /,
    *,
    in_: Annotated[
        str, Parameter(name="--in", help="Only in this definition, NAME or KIND/NAME; in all when left out.")
    ] = "",
    json: Json = False,
) -> int:
    """Let a value stand for a variable, or a secret for another one, in what is promoted to the workspace."""
    kind, name = _only_in(in_)

    async def go(client: "Client") -> "BindingDetail":
        return await client.promotions.bind(what, given, value=_value(what, value), kind=kind, name=name)

    made = ask_server(go)
    if json:
        print_json({"ok": True, "binding": msgspec.to_builtins(made)})
    else:
        to_people().line(
            f"The {what} {clean(given)} is {clean(_shown(made))} here, from the next promotion on."
        )
    return Exit.DONE


def unbind(
    what: Annotated[Literal["variable", "secret"], Parameter(help="What it stands for.")],
    given: Annotated[str, Parameter(help="The name of the variable or secret, as definitions have it.")],
    /,
    *,
    in_: Annotated[str, Parameter(name="--in", help="As it was bound.")] = "",
    json: Json = False,
) -> int:
    """Let a variable or secret stand for itself again."""
    kind, name = _only_in(in_)
    ask_server(lambda client: client.promotions.unbind(what, given, kind=kind, name=name))
    if json:
        print_json({"ok": True})
    else:
        to_people().line(f"The {what} {clean(given)} stands for itself again.")
    return Exit.DONE


def _tell(screen: Screen, one: Any, *, dry_run: bool) -> None:
    applied = one.applied
    named = screen.tint(f"{clean(applied.kind)}/{clean(applied.name)}", "bold")
    if applied.what == "same":
        became = f"is the same already, version {applied.version}"
    elif applied.is_published:
        became = f"{'would be' if dry_run else 'is'} version {applied.version} here, from version {one.source_version}"
    else:
        became = f"{'would be' if dry_run else 'is'} a draft here, from version {one.source_version}"
    screen.line(f"  {named} {became}")
    for words in (*one.bound, *applied.words):
        screen.line(f"      {clean(words)}")


def _picked(text: str) -> tuple[str, str, int]:
    """Return kind, name and version of `workflow/greet@3`."""
    named, at, number = text.partition("@")
    kind, _, name = named.rpartition("/")
    if at and not (number.isascii() and number.isdigit() and int(number) > 0):
        raise WrongInputError(f"{text!r} names no version.", hint="Write it as greet@3.")
    return kind or "workflow", name, int(number or 0)


def _only_in(text: str) -> tuple[str | None, str | None]:
    if not text:
        return None, None
    kind, name, _ = _picked(text)
    return kind, name


def _value(what: str, text: str) -> Any:
    if what == "secret":
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _shown(one: "BindingDetail") -> str:
    return one.value if one.what == "secret" else msgspec.json.encode(one.value).decode()


def _row(one: "BindingDetail") -> tuple[str, str, str, str]:
    return one.what, one.given, _shown(one), f"in {one.kind}/{one.name}" if one.name else "in all"
