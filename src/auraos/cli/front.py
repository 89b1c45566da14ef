"""The front of the command line: the front page, the tree of commands, and every error's exit code."""

import os
import sys
from typing import TYPE_CHECKING

from auraos.cli.commands import CHAPTERS, NOUNS
from auraos.cli.exits import MEANINGS, Exit
from auraos.cli.help import command_words, help_for

if TYPE_CHECKING:
    from cyclopts import App


def run_command(arguments: list[str]) -> int:
    """Carry out the command line and return its exit code."""
    own, rest = _split(arguments)
    debug = "--debug" in own or bool(os.environ.get("AURAOS_DEBUG"))
    own = [argument for argument in own if argument != "--debug"]
    if not own or own in (["--help"], ["-h"], ["help"]):
        sys.stdout.write(front_page())
        return Exit.DONE
    if own == ["--version"]:
        sys.stdout.write(f"auraos {_version()}\n")
        return Exit.DONE
    page = help_for(own)
    if page is not None:
        sys.stdout.write(page)
        return Exit.DONE
    unknown = _unknown_command(own)
    if unknown:
        return explain_unknown(unknown, as_json="--json" in own)
    return _guarded(
        *(["<stdin>" if one == "-" else one for one in part] for part in (own, rest)), debug=debug
    )


def front_page() -> str:
    """Return what `auraos --help` prints."""
    lines = [
        "Usage: auraos COMMAND [ARGUMENTS]",
        "",
        "Automations that are checked, tested, run and replayed from files.",
        "",
    ]
    width = max(len(command.words) for chapter in CHAPTERS for command in chapter.commands)
    for chapter in CHAPTERS:
        lines.append(f"{chapter.title}:")
        lines += [f"  {command.words:{width}}  {command.summary}" for command in chapter.commands]
        lines.append("")
    lines += ["Everywhere:", f"  {'--help':{width}}  Say more about one command: auraos run --help"]
    lines += [f"  {'--json':{width}}  Print one JSON document instead of text."]
    lines += [f"  {'--debug':{width}}  Show the traceback of a mistake of AuraOS itself."]
    lines += [f"  {'--version':{width}}  Print the version.", "", "Exit codes:"]
    lines += [f"  {code:>{3}}  {meaning}" for code, meaning in MEANINGS.items()]
    return "\n".join(lines) + "\n"


def build_app() -> "App":
    """Return the tree of commands; their modules are imported when they are called."""
    from cyclopts import App, Parameter  # noqa: PLC0415 (the front page and the version do not need it)

    app = App(
        "auraos",
        help="Automations that are checked, tested, run and replayed from files.",
        version=_version,
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(negative_iterable=()),
    )
    nouns = {noun: App(noun, help=summary) for noun, summary in NOUNS.items()}
    for noun in nouns.values():
        app.command(noun)
    for chapter in CHAPTERS:
        for command in chapter.commands:
            noun_word, _, verb = command.words.rpartition(" ")
            parent = nouns[noun_word] if noun_word else app
            parent.command(command.target, name=verb, help=command.summary)
    return app


def explain_unknown(words: str, *, as_json: bool) -> int:
    """Say that there is no such command, and which one may have been meant."""
    from difflib import get_close_matches  # noqa: PLC0415

    from auraos.cli.failures import say  # noqa: PLC0415

    near = get_close_matches(words, _all_words(), n=1, cutoff=0.5)
    hint = f"Did you mean `auraos {near[0]}`?" if near else "`auraos --help` lists all commands."
    message = f"There is no command `auraos {words}`."
    return say("unknown-command", message, hint, Exit.WRONG_INPUT, as_json=as_json)


def _unknown_command(arguments: list[str]) -> str:
    """Return the words of the command if there is none of these words, else nothing."""
    words = [argument for argument in arguments[:2] if not argument.startswith("-")]
    if not words or arguments[0].startswith("-"):
        return ""
    if words[0] in NOUNS:
        known = len(words) == 1 or " ".join(words) in _all_words()
        return "" if known else " ".join(words)
    return "" if words[0] in _all_words() else words[0]


def _may_ask_a_server(arguments: list[str]) -> bool:
    named = command_words(arguments)
    found = (command for chapter in CHAPTERS for command in chapter.commands if command.words == named)
    return any(command.asks != "here" for command in found)


def _names_a_server(arguments: list[str]) -> bool:
    own = "login" not in arguments[:1]
    return own and any(one.partition("=")[0] in ("--server", "--profile") for one in arguments)


def _all_words() -> list[str]:
    return [command.words for chapter in CHAPTERS for command in chapter.commands]


def _guarded(arguments: list[str], rest: list[str], *, debug: bool) -> int:
    from cyclopts import CycloptsError  # noqa: PLC0415

    from auraos.cli.failures import explain_bug, explain_error, explain_usage, say  # noqa: PLC0415
    from auraos.core.errors import AuraError  # noqa: PLC0415

    as_json = "--json" in arguments
    try:
        if _may_ask_a_server(arguments):
            from auraos.cli.target import take_options, wish_for  # noqa: PLC0415

            arguments, wish = take_options(arguments)
            wish_for(wish)
        elif _names_a_server(arguments):
            message = f"`auraos {command_words(arguments)}` asks no server: it works on this machine."
            return say(
                "wrong-usage", message, "Leave --server and --profile out.", Exit.WRONG_INPUT, as_json=as_json
            )
        words = [*arguments, *rest]
        code = build_app()(words, result_action="return_value", exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except CycloptsError as error:
        return explain_usage(error, as_json=as_json)
    except AuraError as error:
        return explain_error(error, as_json=as_json, debug=debug)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return Exit.DONE
    except OSError as error:
        return explain_error(error, as_json=as_json, debug=debug)
    except Exception as error:  # noqa: BLE001 (the border: what nobody foresaw is our mistake and is said so)
        return explain_bug(error, as_json=as_json, debug=debug)
    return int(code or 0)


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 (reading what is installed costs more than most commands)

    return version("auraos")


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at:]


def _forget_output() -> None:
    """Whoever read our output has gone; let the interpreter's last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
