"""How often what is kept in memory was there when it was wanted."""


class Lookups:
    """Counts both ways that a look into memory ends: an addition each."""

    __slots__ = ("hits", "misses")

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
