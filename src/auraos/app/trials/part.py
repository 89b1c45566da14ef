"""Which part of a workflow a trial carries out, and the text of that part alone.

A trial is of the steps at the top; a container is tried as a whole. What comes before a step is what leads to it by links.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

import msgspec

from auraos.core.catalogue import Catalogue
from auraos.core.document import Document
from auraos.core.errors import UserError
from auraos.core.expressions import scan_template_reads
from auraos.core.run.facts import Inherited
from auraos.core.workflow import Link, Workflow

BEGINNING = "trial_begins"
"""The one step of a stretch that is to carry out nothing yet."""


class TrialRefusedError(UserError):
    """A part of a workflow that is to be tried out is not there, or lacks data."""

    code = "trial-refused"


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """What a step that is not carried out gave, and at which ports it went on; without ports, at those that follow from the
    output, or else at all that lead on.
    """

    output: Any = None
    ports: tuple[str, ...] = ()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which part is to be tried: everything, or up to a step, or a step alone, or from a step on."""

    how: Literal["all", "until", "only", "after"] = "all"
    step: str = ""


class Part:
    """The steps at the top of a workflow, and what is before and behind each."""

    def __init__(self, document: Document, workflow: Workflow, catalogue: Catalogue) -> None:
        self._document = document
        self._catalogue = catalogue
        self._links = workflow.scope.links
        self.steps = workflow.scope.steps
        self.behind = {name: set[str]() for name in self.steps}
        self.before = {name: set[str]() for name in self.steps}
        for link in self._links:
            self.behind[link.source].add(link.target)
            self.before[link.target].add(link.source)

    def wanted(self, wanted: Wanted) -> set[str]:
        """Return the steps that a trial is about, those that are pinned among them."""
        if wanted.how == "all":
            return set(self.steps)
        self.refuse_unknown([wanted.step])
        ahead = {wanted.step}
        if wanted.how == "after":
            ahead |= _reached(ahead, self.behind)
        return ahead | _reached(ahead, self.before)

    def to_pin(self, wanted: Wanted) -> set[str]:
        """Return the steps that are not carried out whatever else is: those before the one that a trial begins with."""
        return _reached({wanted.step}, self.before) if wanted.how in ("only", "after") else set()

    def earlier(self, wanted: Wanted) -> set[str]:
        """Return the steps whose outputs may be those of an earlier run: none of the step itself and of what follows it."""
        if wanted.how == "all":
            return set()
        own = {wanted.step}
        return self.wanted(wanted) - own - _reached(own, self.behind)

    def frontier(self, wanted: Collection[str], done: Collection[str]) -> list[str]:
        """Return the steps that come next once these are done, in the order of the text."""
        return [
            name for name in self.steps
            if name in wanted and name not in done and all(each in done for each in self.before[name] if each in wanted)
        ]  # fmt: skip

    def up_to(self, wanted: Collection[str], breakpoints: Collection[str]) -> set[str]:
        """Return the steps that are carried out before any of the breakpoints is reached."""
        held = {name for name in breakpoints if name in wanted}
        return set(wanted) - held - _reached(held, self.behind)

    def following(self, names: Collection[str]) -> set[str]:
        """Return the steps that links lead to from these: they are done anew once these give something else."""
        return _reached(names, self.behind)

    def reads(self, names: Iterable[str]) -> set[str]:
        """Return the steps at the top whose output these steps read."""
        written = self._document.spec.get("steps", {})
        found = {
            read[1]
            for name in names
            for read in scan_template_reads(written.get(name))
            if read[0] == "steps" and read[1:]
        }
        return found & self.steps.keys()

    def refuse_unknown(self, names: Iterable[str]) -> None:
        """Raise `TrialRefusedError` for names of steps that are not at the top."""
        for name in names:
            if name not in self.steps:
                raise TrialRefusedError(
                    f"There is no step {name!r} at the top of the workflow.",
                    hint="A step within a container is tried with the container.",
                )

    def pinned(self, pins: Mapping[str, Pin], wanted: Collection[str]) -> list[Inherited]:
        """Return what is taken over for pinned steps."""
        return [
            Inherited(path=name, output=pin.output, ports=pin.ports or self._ports(name, pin, wanted))
            for name, pin in pins.items()
            if name in wanted
        ]

    def text(self, steps: Collection[str]) -> str:
        """Return the text of the workflow with these steps only; what its output reads may not be there then."""
        spec = dict(self._document.spec)
        is_whole = len(steps) == len(self.steps)
        written = {name: step for name, step in spec.get("steps", {}).items() if name in steps}
        spec["steps"] = written or {BEGINNING: {"type": "noop"}}
        if not is_whole:
            spec.pop("output", None)
            spec["links"] = [
                _written(link) for link in self._links if link.source in steps and link.target in steps
            ]
        whole = {"kind": self._document.kind, "name": self._document.name, "spec": spec}
        return msgspec.json.format(msgspec.json.encode(whole), indent=1).decode()

    def _ports(self, name: str, pin: Pin, wanted: Collection[str]) -> tuple[str, ...]:
        step_type = self._catalogue.find(self.steps[name].type, self.steps[name].version)
        if step_type is not None and step_type.ports_by is not None and pin.output is not None:
            return step_type.ports_by(pin.output)
        leading = [link.port for link in self._links if link.source == name and link.target in wanted]
        return tuple(dict.fromkeys(port for port in leading if port != "error")) or ("out",)


def _reached(names: Iterable[str], arrows: Mapping[str, set[str]]) -> set[str]:
    """Return all steps that arrows lead to from these, without these themselves."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        for name in arrows[waiting.pop()]:
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found - set(names)


def _written(link: Link) -> str:
    return f"{link.source}.{link.port} -> {link.target}"
