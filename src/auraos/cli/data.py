"""`auraos data`: the folders that hold runs, as a whole."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from auraos.app import house
from auraos.cli.exits import Exit
from auraos.cli.options import Json
from auraos.cli.screen import clean, print_json, to_people


def adopt(
    folder: Annotated[Path, Parameter(help="The data folder, as .auraos.")], /, *, json: Json = False
) -> int:
    """Let the runs of a copied or restored data folder go on here.

    What is unfinished in a folder goes on with your secrets as soon as a command leads its runs. So a folder that you
    neither made nor adopted is only looked at, until you say with this command that it is yours.
    """
    asyncio.run(house.adopt(folder))
    if json:
        print_json({"ok": True, "adopted": str(folder)})
    else:
        to_people().line(f"{clean(str(folder))} is yours: its runs go on when a command leads them.")
    return Exit.DONE
