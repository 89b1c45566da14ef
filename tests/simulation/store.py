"""A model of the store: batches are written whole or not at all, by the present owner only, each fact in its place."""

from collections import defaultdict

import msgspec

from auraos.core.run import decode_fact
from auraos.core.run.facts import AnyFact


class FencedError(Exception):
    """Another process owns the runs by now: nothing was written."""


class ConflictError(Exception):
    """A journal is longer than the writer knew: nothing was written."""


class RefusedError(Exception):
    """The store failed: nothing was written, or nobody knows."""


class Request(msgspec.Struct, frozen=True):
    """Something that is asked of a run; it stays until its answer is durable."""

    id: str
    run: str
    fact: AnyFact


class Write(msgspec.Struct):
    """What one run adds in a batch."""

    run: str
    seq: int
    facts: list[bytes] = []
    results: list[tuple[str, int]] = []
    requests: list[Request] = []
    answered: list[str] = []


class Store:
    """Journals, requests, and who owns them."""

    def __init__(self) -> None:
        self.owner = 0
        self.journals: dict[str, list[bytes]] = defaultdict(list)
        self.writers: dict[str, list[int]] = defaultdict(list)
        self.results: set[tuple[str, str, int]] = set()
        self.requests: dict[str, Request] = {}
        self.seen: set[str] = set()

    def take_over(self) -> int:
        """Make the caller the owner; whoever was it before is fenced from now on."""
        self.owner += 1
        return self.owner

    def ask(self, request: Request) -> bool:
        """Keep a request, once; return whether it is new."""
        if request.id in self.seen:
            return False
        self.seen.add(request.id)
        self.requests[request.id] = request
        return True

    def commit(self, token: int, batch: list[Write]) -> None:
        """Write a batch whole, or raise and write nothing of it."""
        self.check_fence(token)
        for write in batch:
            if len(self.journals[write.run]) + 1 != write.seq:
                raise ConflictError(write.run)
            twice = [result for result in write.results if (write.run, *result) in self.results]
            assert not twice, f"two results would count: {write.run} {twice}"
        for write in batch:
            self.journals[write.run] += write.facts
            self.writers[write.run] += [token] * len(write.facts)
            self.results |= {(write.run, *result) for result in write.results}
            for request in write.requests:
                self.ask(request)
            for request_id in write.answered:
                self.requests.pop(request_id, None)

    def check_fence(self, token: int) -> None:
        """Raise `FencedError` unless this token is the owner's."""
        if token != self.owner:
            raise FencedError

    def read(self, run: str) -> list[AnyFact]:
        """Return the journal of a run."""
        return [decode_fact(fact) for fact in self.journals[run]]
