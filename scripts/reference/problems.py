"""A page for every problem code: what it means, why it matters, an example of wrong and of right."""

from auraos.core.problem_codes import PROBLEM_CODES, ProblemCode
from auraos.core.problems import Severity
from markdown import Page, block, code, page, table

TITLE = "Problem codes"
FRONT = "problems/index.md"
SUMMARY = "what `auraos check` can find, and what to do about each."
SEVERITY = {
    Severity.ERROR: "Error: a workflow with it is not run.",
    Severity.WARNING: "Warning: a workflow with it runs.",
}


def pages() -> list[Page]:
    """Return the list of codes, and a page for each."""
    codes = sorted(PROBLEM_CODES.values(), key=lambda found: found.code)
    rows = [(f"[{code(found.code)}]({found.code}.md)", found.severity.value, found.title) for found in codes]
    front = page(FRONT, TITLE, table(("code", "severity", "what is found"), rows))
    return [front, *(_page_of(found) for found in codes)]


def _page_of(found: ProblemCode) -> Page:
    return page(
        f"problems/{found.code}.md",
        found.code,
        f"**{found.title}.** {SEVERITY[found.severity]}",
        found.why,
        *(("Wrong:", block("yaml", found.bad)) if found.bad else ()),
        *(("Right:", block("yaml", found.good)) if found.good else ()),
    )
