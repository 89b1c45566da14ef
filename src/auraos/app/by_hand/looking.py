"""What a command looks at: a data folder, or the database that is named."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from auraos.app.house import House, open_for_reading


def open_to_look(
    data: Path, database: str = "", *, reveal: bool = False
) -> AbstractAsyncContextManager[House]:
    """Open the database that is named, else the folder, to look at it: nothing in it moves. With `reveal` what private runs are
    about is seen, and that is written down.
    """
    if reveal:
        from auraos.app.by_hand.revealing import open_to_reveal  # noqa: PLC0415 (it needs keys, and writes)

        return open_to_reveal(data, database)
    if not database:
        return open_for_reading(data)
    from auraos.app.by_hand.database import open_database  # noqa: PLC0415 (a folder needs no driver)

    return open_database(data, database)
