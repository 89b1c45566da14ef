"""`Approvals`: what steps ask people is answered by those whom they ask, and by nobody else."""

from collections.abc import Sequence
from typing import Any, Protocol

from auraos.app.runs.runs import Asking, Runs
from auraos.core.values import Value
from auraos.engine.ports import RunRow
from auraos.security.access import Principal
from auraos.security.access.errors import NotAllowedError


class Membership(Protocol):
    """Knows the groups that people are in."""

    async def groups_of(self, who: Principal) -> Sequence[str]:
        """Return the names of the groups of a person."""
        ...


class Approvals:
    """Answers steps that ask for approval."""

    def __init__(self, runs: Runs, membership: Membership) -> None:
        self._runs = runs
        self._membership = membership

    async def answer(
        self, asking: Asking, who: Principal, row: RunRow, decision: str, *, path: str = "", comment: str = "",
        data: Value = None,
    ) -> None:  # fmt: skip
        """Answer what a step of a run asks; raise `NotAllowedError` where it asks others."""
        asked = {
            at: question for at, question in (await self._runs.questions(row)).items() if path in ("", at)
        }
        for at, question in asked.items():
            await self._refuse_others(who, at, question)
        if len(asked) == 1:  # the one that was looked at is answered, whatever else begins to ask meanwhile
            path = next(iter(asked))
        await self._runs.approve(asking, row, decision, path=path, comment=comment, data=data)

    async def _refuse_others(self, who: Principal, path: str, question: dict[str, Value]) -> None:
        group, people = question.get("group") or "", question.get("approvers") or ()
        if not group and not people:
            return
        if who.kind == "person" and who.name in people:  # a service account may be called like somebody
            return
        if group and group in await self._membership.groups_of(who):
            return
        raise NotAllowedError(
            f"Step {path!r} asks {whom(group, people)}, and {who.name!r} is not among them.",
            hint="One of them can answer. Whoever looks after the groups can add somebody."
            if group
            else "One of them can answer.",
            action="runs.approve",
        )


def whom(group: str, people: Sequence[Any]) -> str:
    """Return in words whom a step asks."""
    named = [f"the group {group!r}"] if group else []
    return " or ".join([*named, *(repr(str(name)) for name in people)])
