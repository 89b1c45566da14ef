"""What a test needs of the machine. Where it is missing the test is skipped by name, and on a build server it fails."""

import os
import shutil
import subprocess

import pytest


def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _need(name: str, *, there: bool) -> pytest.MarkDecorator:
    if not there and os.environ.get("CI"):
        return pytest.mark.usefixtures(f"missing_{name}")
    return pytest.mark.skipif(not there, reason=f"this machine cannot: {name}")


strace = _need("strace", there=shutil.which("strace") is not None)
compiler = _need("compiler", there=shutil.which("cc") is not None)
limits = _need("prlimit", there=shutil.which("prlimit") is not None)
namespaces = _need(
    "namespaces", there=_works("unshare", "-Urm", "sh", "-c", "mount -t tmpfs -o size=256k none /mnt")
)
boot_clock = _need("boot_clock", there=_works("unshare", "-UrT", "--monotonic", "1000", "true"))
