"""The other end of `places.Processes`: reads a function's name and a value, calls it, and writes what it returns.

python -m auraos.engine.apart MEMORY
"""

import importlib
import os
import resource
import select
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from auraos.core.catalogue import StepType
from auraos.core.errors import AuraError
from auraos.core.failures import StepFailed
from auraos.core.values import from_wire, to_wire
from auraos.engine.descendants import end_children, take_in_orphans
from auraos.engine.places import LENGTH


def serve(reader: BinaryIO, writer: BinaryIO) -> None:
    """Answer until there is no more to read."""
    while len(head := reader.read(LENGTH.size)) == LENGTH.size:
        name, given = msgspec.json.decode(reader.read(*LENGTH.unpack(head)))
        answer = msgspec.json.encode(_answer(name, given))
        end_children()
        writer.write(LENGTH.pack(len(answer)) + answer)
        writer.flush()


def _answer(name: str, given: Any) -> dict[str, Any]:
    try:
        return {"value": to_wire(_find(name)(from_wire(given)))}
    except StepFailed as error:
        return {
            "failed": error.message,
            "error_class": error.error_class,
            "code": error.error_code,
            "hint": error.hint,
        }
    except AuraError as error:
        return {"failed": error.message, "error_class": "data", "code": error.code, "hint": error.hint}
    except MemoryError:
        return {
            "failed": "The function ran out of memory.",
            "error_class": "permanent",
            "code": "out-of-memory",
            "hint": "Give it less data at a time.",
        }
    except BaseException as error:  # noqa: BLE001 (the border: a function may raise anything)
        return {"failed": f"The function broke with {type(error).__name__}: {error}"[:4000]}


def _find(name: str) -> Any:
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found.evaluate if isinstance(found, StepType) else found


def _end_with_the_engine(pipe: int) -> None:
    """Wait until nobody holds the other end of a pipe, and end with all that was started, whatever is under way."""
    hung_up = select.poll()
    hung_up.register(pipe, 0)
    hung_up.poll()
    end_children()
    os._exit(1)


def _limit_memory(more: int) -> None:
    """Allow so much address space beyond what is in use now."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + more, used + more))


def main() -> None:
    """Serve over the standard streams; what the function prints goes nowhere."""
    take_in_orphans()
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    threading.Thread(target=_end_with_the_engine, args=(reader.fileno(),), daemon=True).start()
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    if sys.platform == "linux":
        _limit_memory(int(sys.argv[1]))
    serve(reader, writer)


if __name__ == "__main__":
    main()
