"""Applies the fixes of problems to a text: those that keep the meaning, each edit once, none over another."""

from collections.abc import Iterable

from auraos.core.problems import Problem, TextEdit


def apply_safe_fixes(text: str, problems: Iterable[Problem]) -> str:
    """Return the text with all safe fixes applied; of two that touch the same characters the first wins."""
    edits: list[TextEdit] = []
    for problem in problems:
        fix = problem.fix
        if fix is not None and fix.safe and not any(_overlap(new, old) for new in fix.edits for old in edits):
            edits.extend(edit for edit in fix.edits if edit not in edits)
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _overlap(left: TextEdit, right: TextEdit) -> bool:
    if left == right:
        return False
    if left.start == right.start:
        return True
    return left.start < right.end and right.start < left.end
