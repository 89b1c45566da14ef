"""A clock on the wall that is moved while a process runs: `clock_shim.c`, compiled and loaded before everything else."""

import subprocess
from pathlib import Path


class MovedClock:
    """Compile the shim into a folder; `environment` brings it into a process, `move` moves its clock."""

    def __init__(self, folder: Path) -> None:
        library, self._offset = folder / "clock_shim.so", folder / "offset"
        source = Path(__file__).with_name("clock_shim.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        self.move(0)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(self._offset)}

    def move(self, seconds: int) -> None:
        """Let the clock show so many seconds more than that of the machine."""
        self._offset.write_text(str(seconds))
