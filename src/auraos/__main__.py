"""`python -m auraos` is `auraos`."""

from auraos.cli import main

main()
