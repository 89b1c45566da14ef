"""The pure core: it decides what happens next and does nothing itself. No I/O, clock, chance or threads."""
