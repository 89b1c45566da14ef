"""`auraos encryption`: keys that seal, what a server tells of its own, and values that are sealed before a server gets them."""

import base64
import os
import stat
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from auraos.cli.asking import ask_server
from auraos.cli.columns import show_columns
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import Json
from auraos.cli.screen import print_json, to_people
from auraos.cli.times import clock

PREFIX = "auraos-sealed:1:"
PLACE = ("client",)
LARGEST = 16 * 1024 * 1024
DAMAGED = "This is nothing that `auraos encryption encrypt` has sealed, or it was changed since."

KeyPath = Annotated[
    Path, Parameter(help="The file of the key, as `auraos encryption generate --out` makes it.")
]


def generate_key(
    *,
    out: Annotated[
        Path | None, Parameter(help="A new file for it, which only you can read; else it is printed.")
    ] = None,
    json: Json = False,
) -> int:
    """Make a key of 32 bytes: for AURAOS_MASTER_KEY, for a backup, or to seal values before a server gets them."""
    key = base64.b64encode(os.urandom(32)).decode()
    if out is None:
        if json:
            print_json({"ok": True, "key": key})
        else:
            sys.stdout.write(f"{key}\n")
        return Exit.DONE
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise WrongInputError(
            f"There is a file {str(out)!r} already, and no key is written over.", hint="Name another."
        ) from error
    except OSError as error:
        raise WrongInputError(f"{str(out)!r} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{key}\n")
    if json:
        print_json({"ok": True, "file": str(out)})
    else:
        to_people().line(f"The key is in {out}. Keep a copy apart from what it seals.")
    return Exit.DONE


def show_keys(*, json: Json = False) -> int:
    """Show the keys that seal the secrets of the workspace: their ids and times. Nobody is given a key."""
    found = ask_server(lambda client: client.secrets.list_encryption_keys())
    if json:
        print_json({"ok": True, "keys": msgspec.to_builtins(found)})
        return Exit.DONE
    screen = to_people()
    if not found:
        screen.line("No secret was kept here yet, so there is no key.")
    show_columns(
        screen,
        [
            (
                f"version {one.version}",
                one.state,
                one.id,
                f"made {clock(one.created_at)}",
                f"under {one.master}",
            )
            for one in found
        ],
    )
    return Exit.DONE


def rotate_key(
    *,
    master: Annotated[
        bool, Parameter(negative="", help="Change the master key, which seals the keys of all workspaces.")
    ] = False,
    json: Json = False,
) -> int:
    """Seal all secrets of the workspace by a new key, while runs use them. No value changes.

    --master seals the keys of all workspaces by a new master key; it takes an owner who signed in only just now. Where the
    master key comes from the environment or a program, put a new one before it there first.
    """
    if master:
        changed = ask_server(lambda client: client.secrets.rotate_master_key())
        told, words = (
            msgspec.to_builtins(changed),
            f"The master key {changed.master} seals {changed.sealed_anew} keys anew.",
        )
    else:
        made = ask_server(lambda client: client.secrets.rotate_encryption_key())
        told = msgspec.to_builtins(made)
        words = f"Version {made.version} of the key seals {made.sealed_anew} values anew."
    if json:
        print_json({"ok": True, **told})
    else:
        to_people().line(words)
    return Exit.DONE


def encrypt(
    file: Annotated[Path | None, Parameter(help="What to seal; standard input when left out.")] = None,
    /,
    *,
    key_file: KeyPath,
    json: Json = False,
) -> int:
    """Seal a text on this machine, so that no server can read it: the sealed text is a value like any other.

    It is AES-256-GCM. Give the result as an input or variable; whoever has the key opens it with `auraos encryption decrypt`.
    """
    from auraos.security.secrets.envelope import seal  # noqa: PLC0415 (it loads the cipher)
    from auraos.security.secrets.master import master_id  # noqa: PLC0415

    key = _key(key_file)
    sealed = seal(key, master_id(key), PLACE, _content(file), os.urandom)
    text = PREFIX + base64.urlsafe_b64encode(sealed).decode()
    if json:
        print_json({"ok": True, "key": master_id(key), "sealed": text})
    else:
        sys.stdout.write(f"{text}\n")
    return Exit.DONE


def decrypt(
    file: Annotated[Path | None, Parameter(help="What was sealed; standard input when left out.")] = None,
    /,
    *,
    key_file: KeyPath,
    json: Json = False,
) -> int:
    """Open what `auraos encryption encrypt` has sealed by this key."""
    from auraos.security.secrets.envelope import sealer_of, unseal  # noqa: PLC0415 (it loads the cipher)
    from auraos.security.secrets.errors import SealBrokenError  # noqa: PLC0415
    from auraos.security.secrets.master import master_id  # noqa: PLC0415

    key, sealed = _key(key_file), _sealed(_content(file))
    try:
        by = sealer_of(sealed)
        if by != master_id(key):
            raise WrongInputError(f"It was sealed by the key {by}, and this is {master_id(key)}.")
        content = unseal(key, PLACE, sealed)
    except SealBrokenError as error:
        raise WrongInputError(DAMAGED) from error
    if json:
        print_json({"ok": True, "text": content.decode("utf-8", "replace")})
    else:
        sys.stdout.buffer.write(content)
    return Exit.DONE


def _sealed(content: bytes) -> bytes:
    text = content.decode("ascii", "replace").strip()
    try:
        sealed = base64.b64decode(text.removeprefix(PREFIX), altchars=b"-_", validate=True)
    except ValueError:
        sealed = b""
    if not sealed or not text.startswith(PREFIX):
        raise WrongInputError(DAMAGED)
    return sealed


def _key(path: Path) -> bytes:
    from auraos.security.secrets.master import keys_of  # noqa: PLC0415 (see above)

    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii", "replace")
    except OSError as error:
        raise WrongInputError(
            f"The key {str(path)!r} cannot be read: {error.strerror}.",
            hint="`auraos encryption generate --out FILE` makes one.",
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise WrongInputError(f"Others may read the key {str(path)!r}.", hint=f"chmod 600 {path}")
    return keys_of(text, str(path)).all()[0]


def _content(file: Path | None) -> bytes:
    try:
        content = sys.stdin.buffer.read(LARGEST + 1) if file is None else file.read_bytes()
    except OSError as error:
        raise WrongInputError(f"{str(file)!r} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST:
        raise WrongInputError(f"It has more than {LARGEST:,} bytes.")
    return content
