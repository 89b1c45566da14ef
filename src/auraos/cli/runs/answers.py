"""What the journal says of questions to people: who answered them, and how often somebody was reminded."""

from collections.abc import Iterable

from auraos.cli.times import clock
from auraos.core.run.facts import Answered, AnyFact, TimerFired, WaitStarted


def find_answer(facts: Iterable[AnyFact], path: str) -> Answered | None:
    """Return the last answer at this step, or anywhere if no step is named."""
    found = None
    for fact in facts:
        if isinstance(fact, Answered) and path in ("", fact.path):
            found = fact
    return found


def answer_words(answer: Answered) -> str:
    """Return who answered what, and when."""
    comment = f", with the comment {answer.comment!r}" if answer.comment else ""
    return f"{answer.by or 'Somebody'} {answer.decision} {answer.path!r} at {clock(answer.at)}{comment}."


def find_reminders(facts: Iterable[AnyFact], path: str) -> list[int]:
    """Return when the question that this step asks now was asked again."""
    times: list[int] = []
    for fact in facts:
        if isinstance(fact, WaitStarted) and fact.path == path:
            times = []
        elif isinstance(fact, TimerFired) and fact.path == path and fact.timer == "remind":
            times.append(fact.at)
    return times


def reminder_words(times: list[int]) -> str:
    """Return how often a question was asked again; empty if it never was."""
    if not times:
        return ""
    return f"Asked again {len(times)} time{'s' * (len(times) != 1)}, last at {clock(times[-1])}."
