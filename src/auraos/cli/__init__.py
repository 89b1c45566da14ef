"""The command line: one door among others. A file per noun; what a command does not need is not imported."""

import sys


def main() -> None:
    """Run the command that the arguments name, and leave with its exit code."""
    from auraos.cli.front import run_command  # noqa: PLC0415 (the entry point itself costs nothing)

    sys.exit(run_command(sys.argv[1:]))
