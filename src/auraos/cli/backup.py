"""`auraos backup` and `auraos restore`: all that a data folder holds, in one file, and back again."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
from cyclopts import Parameter

from auraos.app.backup import folder as backups
from auraos.app.backup.file import read_key
from auraos.cli.exits import Exit
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json
from auraos.cli.screen import clean, print_json, to_people, to_side

KeyFile: TypeAlias = Annotated[
    Path | None, Parameter(help="A file whose content is the key; without it nobody reads the backup.")
]
_EVERY = 0.2


def backup(
    target: Annotated[Path, Parameter(help="A new file, or a folder in which one is made.")],
    /,
    *,
    key_file: KeyFile = None,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Write all that a data folder holds into one file, while it is in use.

    Everything that was acknowledged before the command began is in it. With --key-file it is encrypted with AES-256-GCM; keep
    the key apart from the backup, for one without the other is worth nothing. Secrets of the store are in it under seal; the
    master key is not, so keep a copy of that elsewhere.
    """
    key = read_key(key_file) if key_file is not None else None
    progress = Progress()
    if database:
        from auraos.app.backup.database import back_up_database  # noqa: PLC0415 (a folder needs no driver)

        made = back_up_database(database, data, target, key, progress)
    else:
        made = backups.back_up(data, target, key, progress)
    progress.end()
    if json:
        print_json({"ok": True, **msgspec.to_builtins(made)})
        return Exit.DONE
    screen = to_people()
    how = "encrypted" if made.encrypted else "not encrypted"
    screen.line(f"{clean(made.file)}: {made.runs} runs, {made.blobs} files, {_size(made.size)}, {how}.")
    for place in made.damaged[:20]:
        to_side().line(
            f"warning: the file {clean(place)} was damaged before: its content is not what it was."
        )
    return Exit.DONE


def restore(
    file: Annotated[Path, Parameter(help="The backup.")],
    /,
    *,
    key_file: KeyFile = None,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Make a data folder from a backup. Nothing in it moves until you release it.

    The folder must be new or empty, and so must the database where one is named. The backup is checked as a whole before anything
    is put in place. A backup is a time machine: what its runs would do next, the world may have seen already. So look at them
    first; `auraos engine release` then lets them go on.
    """
    key = read_key(key_file) if key_file is not None else None
    progress = Progress()
    if database:
        from auraos.app.backup.database import restore_database  # noqa: PLC0415 (a folder needs no driver)

        found = restore_database(file, database, data, key, progress)
    else:
        found = backups.restore(file, data, key, progress)
    progress.end()
    if json:
        print_json({"ok": True, **msgspec.to_builtins(found)})
        return Exit.DONE
    screen = to_people()
    made = datetime.fromtimestamp(found.made_at / 1_000_000, tz=UTC).astimezone()
    screen.line(
        f"{clean(found.where)} is as it was on {made:%Y-%m-%d %H:%M:%S}: {found.runs} runs, {found.blobs} files."
    )
    screen.line(
        f"Nothing in it moves; {found.unfinished} runs are not over. Look at them, then let them go on:"
    )
    screen.line(f"  auraos runs list --data {clean(found.where)}")
    screen.line(f"  auraos engine release --data {clean(found.where)}")
    return Exit.DONE


class Progress:
    """One line on the terminal that says how far something has come; nothing where there is no terminal."""

    def __init__(self) -> None:
        self._side = to_side()
        self._shown_at = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show it, a few times a second."""
        if not self._side.is_terminal or time.monotonic() - self._shown_at < _EVERY:
            return
        self._shown_at = time.monotonic()
        share = f" {100 * done // total:3} %" if done and total else ""
        sys.stderr.write(f"\r\x1b[K{what}{share} of {_size(total)}")
        sys.stderr.flush()

    def end(self) -> None:
        """Take the line away."""
        if self._shown_at:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _size(size: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 10_000:
            return f"{size} {unit}"
        size = round(size / 1000)
    return f"{size} GB"
