"""A store that only takes away what is over: it owns nothing, so no fence stands before its writes."""

from collections.abc import Sequence

from auraos.engine.ports import Told, Write
from auraos.storage.postgres.store import PostgresStore


class CleaningStore(PostgresStore):
    """A store for whoever cleans up beside the owners. A run that is over never moves again, and the statement itself leaves
    alone what is not over.
    """

    is_fenced = False

    def submit(self, writes: Sequence[Write], told: Told) -> None:
        """Take away what these writes say; they may say nothing else."""
        for write in writes:
            if write.count or write.row is not None or not (write.pruned or write.answered or write.expired):
                raise ValueError("Whoever cleans up writes nothing of its own.")
        super().submit(writes, told)
