"""Lets the tests of this folder share the local servers of the security tests and the context of this folder."""

import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "security")]
