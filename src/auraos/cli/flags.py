"""`auraos flags`: how the feature flags of a server stand, what they give whom, and the switch."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec
from cyclopts import Parameter

from auraos.cli.asking import ask_server
from auraos.cli.columns import show_columns
from auraos.cli.documents import document
from auraos.cli.exits import Exit
from auraos.cli.options import Json, read_pairs
from auraos.cli.screen import clean, print_json, to_people
from auraos.cli.times import clock

if TYPE_CHECKING:
    from auraos.client import Client
    from auraos.client.shapes.flags import Evaluation, FlagFacts, Watched

Name: TypeAlias = Annotated[str, Parameter(help="The name of the flag.")]
Why: TypeAlias = Annotated[str, Parameter(help="Why, as the audit trail keeps it.")]


def list_flags(
    *,
    stale: Annotated[bool, Parameter(negative="", help="Only those that could go.")] = False,
    json: Json = False,
) -> int:
    """List the published flags: what each gave how often, who switched it off and why, and what its guard has seen."""

    async def go(client: "Client") -> "tuple[FlagFacts, ...]":
        return (await client.flags.list_flags(stale=stale)).items

    found = ask_server(go)
    if json:
        print_json({"ok": True, "flags": document(found)})
        return Exit.DONE
    screen = to_people()
    if not found:
        screen.line("There are no such flags.")
    show_columns(screen, [(one.name, one.type, f"version {one.version}", _given(one)) for one in found])
    for one in found:
        for words in _told(one):
            screen.line(f"{clean(one.name)}: {clean(words)}")
    return Exit.DONE


def switch_off(name: Name, /, *, why: Why = "", json: Json = False) -> int:
    """Switch a flag off at once, whatever it says: everybody is given its variant for that."""

    async def go(client: "Client") -> "FlagFacts":
        return await client.flags.switch_flag_off(name, why=why)

    return _show(ask_server(go), "is off", as_json=json)


def switch_on(name: Name, /, *, why: Why = "", json: Json = False) -> int:
    """Let a flag give again what it says."""

    async def go(client: "Client") -> "FlagFacts":
        return await client.flags.switch_flag_on(name, why=why)

    return _show(ask_server(go), "gives again what it says", as_json=json)


def explain(
    name: Name,
    /,
    *,
    key: Annotated[str, Parameter(help="Whom it is for; a split places them by it.")] = "",
    context: Annotated[
        tuple[str, ...],
        Parameter(help="What rules read besides: key=value; may be given again.", negative=""),
    ] = (),
    json: Json = False,
) -> int:
    """Say what a flag gives somebody, and why."""
    asked: dict[str, Any] = {**read_pairs(context), **({"targetingKey": key} if key else {})}

    async def go(client: "Client") -> "Evaluation":
        return await client.flags.explain_flag(name, context=asked)

    found = ask_server(go)
    if json:
        print_json({"ok": not found.error_code, "evaluation": document(found)})
    else:
        screen = to_people()
        if found.error_code:
            screen.line(f"{found.error_code}: {clean(found.error)}")
        else:
            value = clean(msgspec.json.encode(found.value).decode())
            screen.line(f"{value} (variant {clean(found.variant)}): {_reason(found)}")
        for tried in found.tried:
            screen.line(
                f"  {'fits' if tried.fits else 'does not fit'}: {clean(tried.rule)}, {clean(tried.when)}"
            )
    return Exit.FAILED if found.error_code else Exit.DONE


def _show(found: "FlagFacts", words: str, *, as_json: bool) -> int:
    if as_json:
        print_json({"ok": True, "flag": document(found)})
    else:
        to_people().line(f"{clean(found.name)} {words}.")
    return Exit.DONE


def _given(one: "FlagFacts") -> str:
    given = ", ".join(f"{variant or 'nothing'} {count:,}" for variant, count in sorted(one.given.items()))
    return given or "never asked for"


def _told(one: "FlagFacts") -> list[str]:
    told = [_watched(each) for each in one.watched]
    if one.is_off:
        why = f": {one.why}" if one.why else ""
        told.insert(0, f"off since {clock(one.switched_at)} by {one.switched_by}{why}")
    return [*told, *one.stale]


def _watched(one: "Watched") -> str:
    return (
        f"version {one.version} ({one.variant}): {one.failed} of {one.runs} runs failed, {one.others_failed} of"
        f" {one.others} of the other in the same time"
    )


def _reason(found: "Evaluation") -> str:
    words = {
        "DEFAULT": "no rule fits",
        "DISABLED": "the flag is switched off",
        "SPLIT": f"a split placed them at {found.bucket:g} of 100" if found.bucket is not None else "a split",
        "STATIC": "everybody gets it",
        "TARGETING_MATCH": "a rule fits",
    }
    reason = words.get(found.reason, found.reason)
    return f"{reason} ({clean(found.rule)})" if found.rule else reason
