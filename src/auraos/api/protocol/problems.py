"""Errors as problems (RFC 9457): what, where, why and what to do, under a code with a page in the reference."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from auraos.api.protocol.reading import RequestRefusedError
from auraos.core.errors import AuraError, OperationalError, UserError
from auraos.core.problems import Fix, Problem, format_path
from auraos.documents.definitions.files import FileProblem

PAGES: Final = "/docs/problems"
"""Where each code has its page."""
STATUSES: Final[dict[str, int]] = {
    "request-unparsable": 400,
    "not-signed-in": 401,
    "sign-in-refused": 401,
    "second-proof-needed": 401,
    "not-allowed": 403,
    "step-up-needed": 403,
    "person-needed": 403,
    "consent-refused": 403,
    "own-review": 403,
    "quota-full": 403,
    "foreign-origin": 403,
    "token-refused": 403,
    "no-route": 404,
    "not-found": 404,
    "no-workspace": 404,
    "no-definition": 404,
    "no-git-link": 404,
    "no-problem": 404,
    "no-fact": 404,
    "no-version": 404,
    "no-binding": 404,
    "no-bulk": 404,
    "no-review": 404,
    "no-secret": 404,
    "no-audit-entry": 404,
    "no-flag": 404,
    "no-setting": 404,
    "no-trial": 404,
    "no-secret-version": 404,
    "method-not-allowed": 405,
    "already-held": 409,
    "already-owned": 409,
    "bulk-changed": 409,
    "bulk-state": 409,
    "changed-meanwhile": 409,
    "key-taken": 409,
    "last-owner": 409,
    "legal-hold": 409,
    "runs-open": 409,
    "data-erased": 409,
    "git-busy": 409,
    "git-link-changed": 409,
    "git-moved": 409,
    "name-taken": 409,
    "review-ended": 409,
    "review-needed": 409,
    "review-void": 409,
    "role-held": 409,
    "secret-exists": 409,
    "secret-over": 409,
    "trial-state": 409,
    "trial-unreviewed": 409,
    "secret-used": 409,
    "setting-pinned": 409,
    "workspace-exists": 409,
    "definition-exists": 409,
    "definition-used": 409,
    "definition-breaks-others": 409,
    "definition-archived": 409,
    "request-refused-by-run": 409,
    "ambiguous-run": 409,
    "definition-changed": 412,
    "secret-changed": 412,
    "setting-changed": 412,
    "revision-needed": 428,
    "body-too-large": 413,
    "wrong-content-type": 415,
    "too-many-requests": 429,
    "too-many-streams": 429,
    "too-many-runs": 429,
    "git-failed": 502,
    "held": 503,
}
"""What is neither here nor an error of the world outside is 422: understood, and not to be done as it stands."""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """Another text in place of the characters from `start` up to `end`, counted from 0."""

    start: int
    end: int
    text: str


class Mend(msgspec.Struct, frozen=True, kw_only=True):
    """How something can be mended; what is `safe` changes no meaning."""

    title: str
    safe: bool
    edits: tuple[Edit, ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong, with its place in what was sent."""

    path: str
    message: str
    code: str = ""
    severity: str = ""
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0
    hint: str = ""
    fix: Mend | None = None
    file: str = ""
    """Of which of several files it is told."""


class Trouble(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem as it is answered (`application/problem+json`)."""

    type: str = ""
    title: str
    status: int
    code: str
    detail: str
    hint: str = ""
    instance: str = ""
    problems: tuple[Finding, ...] = ()
    data: dict[str, Any] = {}


def trouble_of(error: AuraError, *, instance: str = "") -> Trouble:
    """Return what is answered for an error."""
    data = {name: value for name, value in error.data.items() if name != "problems"}
    return Trouble(
        type=f"{PAGES}/{error.code}",
        title=(type(error).__doc__ or "").partition("\n")[0].rstrip("."),
        status=status_of(type(error)),
        code=error.code,
        detail=error.message,
        hint=error.hint,
        instance=instance,
        problems=tuple(_findings(error)),
        data=data,
    )


def status_of(kind: type[AuraError]) -> int:
    """Return the status that an error is answered with."""
    if not issubclass(kind, UserError | OperationalError):
        return 500
    return STATUSES.get(kind.code) or (422 if issubclass(kind, UserError) else 503)


def _findings(error: AuraError) -> list[Finding]:
    if isinstance(error, RequestRefusedError):
        return [Finding(path=each.path.lstrip("."), message=each.message) for each in error.mismatches]
    found = error.data.get("problems", ())
    return [_finding_of_any(each) for each in found]


def _finding_of_any(found: Any) -> Finding:
    if isinstance(found, FileProblem):
        return msgspec.structs.replace(finding_of(found.problem), file=found.file)
    return finding_of(found) if isinstance(found, Problem) else Finding(path="", message=str(found))


def findings_of(problems: Iterable[Problem]) -> tuple[Finding, ...]:
    """Return the problems of a text as they are told over HTTP."""
    return tuple(finding_of(problem) for problem in problems)


def finding_of(problem: Problem) -> Finding:
    """Return one problem of a text as it is told over HTTP."""
    return Finding(
        path=format_path(problem.path),
        message=problem.message,
        code=problem.code,
        severity=problem.severity.value,
        line=problem.place.line if problem.place else 0,
        column=problem.place.column if problem.place else 0,
        end_line=problem.place.end_line if problem.place else 0,
        end_column=problem.place.end_column if problem.place else 0,
        hint=problem.hint,
        fix=_mend(problem.fix) if problem.fix is not None and problem.fix.edits else None,
    )


def _mend(fix: Fix) -> Mend:
    edits = tuple(Edit(start=edit.start, end=edit.end, text=edit.text) for edit in fix.edits)
    return Mend(title=fix.title, safe=fix.safe, edits=edits)
