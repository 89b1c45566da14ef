"""`auraos completion`: the shell completes commands and options."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter
from cyclopts.completion.detect import ShellDetectionError, detect_shell

from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.front import build_app
from auraos.cli.options import Json
from auraos.cli.screen import print_json, to_people

Shell: TypeAlias = Literal["bash", "zsh", "fish"]
_ShellOption: TypeAlias = Annotated[Shell | None, Parameter(help="For which shell; this one when left out.")]


def install(
    *,
    shell: _ShellOption = None,
    output: Annotated[
        Path | None, Parameter(help="Where to write the script; the shell's own place by default.")
    ] = None,
    startup: Annotated[
        bool, Parameter(help="Whether to add a line to the shell's start-up file, where it needs one.")
    ] = True,
    json: Json = False,
) -> int:
    """Install completion for bash, zsh or fish."""
    wanted = shell or _this_shell()
    path = build_app().install_completion(shell=wanted, output=output, add_to_startup=startup)
    if json:
        print_json({"ok": True, "shell": wanted, "path": str(path)})
    else:
        to_people().line(f"Completion for {wanted} is in {path}. Open a new shell to use it.")
    return Exit.DONE


def show(*, shell: _ShellOption = None, json: Json = False) -> int:
    """Print the completion script."""
    wanted = shell or _this_shell()
    script = build_app().generate_completion(shell=wanted)
    if json:
        print_json({"ok": True, "shell": wanted, "script": script})
    else:
        to_people().stream.write(script if script.endswith("\n") else script + "\n")
    return Exit.DONE


def _this_shell() -> Shell:
    try:
        found = detect_shell()
    except ShellDetectionError:
        found = "powershell"
    if found == "powershell":
        raise WrongInputError("Which shell this is cannot be seen.", hint="Say --shell bash, zsh or fish.")
    return found
