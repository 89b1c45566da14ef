"""Programs that the operator named for the master key or for values that are kept elsewhere: started without a shell."""

import asyncio
import contextlib
import os
import shlex
import signal

from auraos.security.secrets.errors import SourceFailedError

LONGEST = 30.0
LARGEST = 256 * 1024


async def run_program(command: str, arguments: tuple[str, ...], named_by: str) -> str:
    """Return what a program prints. What it was given is the operator's; `arguments` are added as they are, never parsed."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SourceFailedError(f"{named_by} is no command: {error}.") from None
    if not words:
        raise SourceFailedError(f"{named_by} names no program.")
    try:
        process = await asyncio.create_subprocess_exec(
            *words, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise SourceFailedError(f"The program of {named_by} cannot be started: {error}.") from None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(LONGEST):
            printed = await process.stdout.read(LARGEST + 1)
            while piece := await process.stdout.read(LARGEST):
                printed += piece
                if len(printed) > LARGEST:
                    break
            if len(printed) > LARGEST:
                raise SourceFailedError(f"The program of {named_by} prints too much.")
            code = await process.wait()
    except TimeoutError:
        raise SourceFailedError(f"The program of {named_by} took more than {LONGEST:g} seconds.") from None
    finally:
        if process.returncode is None or not process.stdout.at_eof():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # whatever it began goes with it
            while await process.stdout.read(LARGEST):
                pass
            await process.wait()
    if code:
        raise SourceFailedError(
            f"The program of {named_by} failed with {code}.",
            hint="What it says it says to nobody: run it by hand.",
        )
    return printed.decode("utf-8", "replace").rstrip("\n")
