"""The pages of the problems that are answered: what each code means, and what to do. Their `type` leads here.

They are made of the errors themselves and of what the core says of its codes, so none is without a page. They tell nothing of
the installation, and anybody may read them.
"""

import inspect
from collections import defaultdict
from html import escape
from typing import Final

import msgspec

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import Slug
from auraos.api.protocol.pages import Page, html_of, wants_json
from auraos.api.protocol.problems import PAGES, status_of
from auraos.api.protocol.routes import OPEN, Routes
from auraos.core.errors import AuraError, UserError
from auraos.core.problem_codes import PROBLEM_CODES

routes = Routes()
_PAGE: Final = Page("problems")


class NoProblemError(UserError):
    """No problem has this code."""

    code = "no-problem"


class OneProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem, by its code."""

    code: Slug


class ProblemListed(msgspec.Struct, frozen=True, kw_only=True):
    """A problem in the list of all."""

    code: str
    title: str


class ProblemShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a code means: as the status that it is answered with (0 where it stands within another answer only), in words, and
    by an example of wrong and of right where there is one."""

    code: str
    title: str
    status: int
    means: tuple[str, ...]
    wrong: str
    right: str


@routes.get(PAGES, may=OPEN, gives="text/html")
async def list_problems(ask: Ask) -> tuple[ProblemListed, ...] | Answer:
    """List the codes of all problems."""
    listed = tuple(
        ProblemListed(code=code, title=shown_of(code, kinds).title)
        for code, kinds in sorted(_known().items())
    )
    return Answer.of(listed, vary="Accept") if _wants_json(ask) else _page_of_all(listed)


@routes.get(f"{PAGES}/{{code}}", may=OPEN, gives="text/html", tells=("no-problem",))
async def show_problem(ask: Ask, at: OneProblem) -> ProblemShown | Answer:
    """Say what a code means, and what to do about it."""
    kinds = _known().get(at.code)
    if kinds is None:
        raise NoProblemError(f"No problem has the code {at.code!r}.", hint=f"{PAGES} lists all.")
    shown = shown_of(at.code, kinds)
    return Answer.of(shown, vary="Accept") if _wants_json(ask) else _page_of(shown)


def shown_of(code: str, kinds: list[type[AuraError]]) -> ProblemShown:
    """Return what is told of a code: by the errors that have it, and by what the core says of it."""
    told = PROBLEM_CODES.get(code)
    means = [_words(kind) for kind in kinds]
    if told is not None:
        means += [told.why, told.reason]
    return ProblemShown(
        code=code,
        title=told.title if told is not None else code.replace("-", " ").capitalize(),
        status=status_of(kinds[0]) if kinds else 0,
        means=tuple(dict.fromkeys(each for each in means if each)),
        wrong=told.bad if told is not None else "",
        right=told.good if told is not None else "",
    )


def _known() -> dict[str, list[type[AuraError]]]:
    """Return the errors by their codes, with the codes of what stands within texts only."""
    found: dict[str, list[type[AuraError]]] = defaultdict(list, {code: [] for code in PROBLEM_CODES})
    below: list[type[AuraError]] = [AuraError]
    while below:
        kind = below.pop()
        below += kind.__subclasses__()
        if "code" in vars(kind):
            found[kind.code].append(kind)
    return found


def _words(kind: type[AuraError]) -> str:
    return " ".join((inspect.getdoc(kind) or "").split())


def _wants_json(ask: Ask) -> bool:
    return wants_json(ask.asked.headers.get("accept", ""))


def _page_of(shown: ProblemShown) -> Answer:
    parts = [f"<h1>{html_of(shown.title)}</h1>", f"<p><code>{shown.code}</code>"]
    parts[-1] += f" · HTTP status {shown.status}</p>" if shown.status else "</p>"
    parts += [f"<p>{html_of(each)}</p>" for each in shown.means]
    for title, example in (("Wrong", shown.wrong), ("Right", shown.right)):
        if example:
            parts.append(f'<h2>{title}</h2>\n<pre tabindex="0">{escape(example)}</pre>')
    parts.append(
        "<p>What was wrong in your case, and what to do about it, stands in the answer itself: <code>detail</code>, "
        f'<code>hint</code> and <code>problems</code>. <a href="{PAGES}">All codes</a></p>'
    )
    return _page(html_of(shown.title), "\n".join(parts))


def _page_of_all(listed: tuple[ProblemListed, ...]) -> Answer:
    rows = (
        f'<dt><a href="{PAGES}/{each.code}"><code>{each.code}</code></a></dt><dd>{html_of(each.title)}</dd>'
        for each in listed
    )
    return _page("Problems", "<h1>Problems</h1>\n<dl>\n" + "\n".join(rows) + "\n</dl>")


def _page(title: str, content: str) -> Answer:
    page = _PAGE.answer(title=title, content=content)
    page.headers["vary"] = "Accept"
    return page
