"""A page for every problem code: what it means, why it matters, an example of wrong and of right, and what is really said."""

from auraos.app.definitions.code_examples import yield_of
from auraos.app.installed import load_installed
from auraos.cli.screen import clean
from auraos.core.catalogue import Catalogue
from auraos.core.problem_codes import PROBLEM_CODES, ProblemCode
from auraos.core.problems import Severity
from markdown import Page, block, code, page, table

TITLE = "Problem codes"
FRONT = "problems/index.md"
SUMMARY = "what `auraos check` can find and a run can meet, and what to do about each."
SEVERITY = {
    Severity.ERROR: "Error: a workflow with it is not run.",
    Severity.WARNING: "Warning: a workflow with it runs.",
}
SAYS = {
    "check": "`auraos check` says:",
    "expression": "`auraos expressions eval` says:",
    "run": "`auraos test` plays the case; the run meets:",
    "console": "",
}
LANGUAGES = {"check": "yaml", "run": "yaml", "expression": "python", "console": "console"}


def pages() -> list[Page]:
    """Return the list of codes, and a page for each."""
    codes = sorted(PROBLEM_CODES.values(), key=lambda found: found.code)
    rows = [(f"[{code(found.code)}]({found.code}.md)", found.severity.value, found.title) for found in codes]
    front = page(FRONT, TITLE, table(("code", "severity", "what is found"), rows))
    catalogue = load_installed().catalogue
    return [front, *(_page_of(found, catalogue) for found in codes)]


def _page_of(found: ProblemCode, catalogue: Catalogue) -> Page:
    parts = [f"**{found.title}.** {_when(found)}", found.why]
    if found.reason:
        parts.append(f"No example: {found.reason[0].lower()}{found.reason[1:]}")
    if found.bad:
        language = LANGUAGES[found.shown_by]
        parts += ["Wrong:", block(language, clean(found.bad)), *_said(found, catalogue)]
        parts += ["Right:", block(language, found.good)]
    return page(f"problems/{found.code}.md", found.code, *parts)


def _when(found: ProblemCode) -> str:
    return SEVERITY[found.severity] if found.shown_by == "check" and found.bad else ""


def _said(found: ProblemCode, catalogue: Catalogue) -> list[str]:
    """Return what is really said of the wrong example."""
    said = [one for one in yield_of(found, found.bad, catalogue) if one.code == found.code]
    if not said:
        return []
    lines = [f"{one.where}: {one.severity}[{one.code}]: {one.message}" for one in said[:1]]
    lines += [f"  help: {one.hint}" for one in said[:1] if one.hint]
    return [SAYS[found.shown_by], block("text", "\n".join(lines))]
