"""How far a chore is."""

import msgspec


class Step(msgspec.Struct, frozen=True):
    """What is being done, how much of it is done, and how much there is; 0 where nobody knows."""

    what: str
    done: int = 0
    total: int = 0
