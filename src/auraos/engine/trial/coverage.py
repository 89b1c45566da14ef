"""Coverage of links: which of a workflow's links carried a live token in at least one case."""

from collections.abc import Iterable

import msgspec

from auraos.core.run import Program


class LinkName(msgspec.Struct, frozen=True, order=True):
    """A link by the paths of its steps and the port that it leaves."""

    source: str
    port: str
    target: str

    def __str__(self) -> str:
        port = "" if self.port == "out" else f".{self.port}"
        return f"{self.source}{port} -> {self.target}"


class Coverage(msgspec.Struct, frozen=True):
    """All links of a workflow in the order of its text, and those that were taken."""

    links: tuple[LinkName, ...]
    taken: frozenset[LinkName]

    @property
    def missing(self) -> list[LinkName]:
        """Return the links that no case took."""
        return [link for link in self.links if link not in self.taken]

    @property
    def percent(self) -> float:
        """Return how much of the links was taken, from 0 to 100; a workflow without links is covered."""
        return 100.0 * len(self.taken) / len(self.links) if self.links else 100.0


def all_links(program: Program) -> tuple[LinkName, ...]:
    """Return the links of a program."""
    return tuple(dict.fromkeys(LinkName(*link) for link in program.links()))


def taken_links(program: Program) -> frozenset[LinkName]:
    """Return the links that carried a live token since the program was compiled: a step remembers its live ports."""
    live = {(step.path, port) for step in program.steps.values() for ports in step.patterns for port in ports}
    return frozenset(link for link in all_links(program) if (link.source, link.port) in live)


def join_coverage(parts: Iterable[Coverage]) -> Coverage:
    """Return the coverage of several cases of one workflow together."""
    links: tuple[LinkName, ...] = ()
    taken: frozenset[LinkName] = frozenset()
    for part in parts:
        links, taken = part.links or links, taken | part.taken
    return Coverage(links, taken)
