"""Checks of secrets: those that a step names exist, and none stands in the document as plain text."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from auraos.core.catalogue import StepType
from auraos.core.graph.fields import has_template
from auraos.core.graph.findings import did_you_mean, nearest
from auraos.core.graph.names import DOCUMENT_NAME
from auraos.core.graph.secret_places import UsedSecret, used_secrets
from auraos.core.graph.views import WorkflowView
from auraos.core.problems import Path

_TELLING = re.compile(
    r"(?:.*[_-])?(?:password|passwd|passphrase|pwd|authorization|proxy[_-]authorization|api[_-]?key|x[_-]api[_-]key|"
    r"client[_-]secret|private[_-]key|secret[_-]key|access[_-]key|signing[_-]key|cookie)",
    re.IGNORECASE,
)
_SOMETIMES_TELLING = re.compile(r"(?:.*[_-])?(?:token|secret|credentials?)", re.IGNORECASE)
_FORMATS = (
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{30,})")),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("a Stripe key", re.compile(r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}")),
    ("an API key", re.compile(r"\bsk-[A-Za-z0-9_-]{20,}")),
    ("a Google API key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}")),
    ("a SendGrid key", re.compile(r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a signed token", re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")),
    (
        "a password in an address",
        re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s/:@{}]{1,100}:[^\s/@{}]{1,200}@"),
    ),
    ("a login", re.compile(r"^\s*(?:Basic|Bearer)\s+[A-Za-z0-9+/._~-]{12,}={0,2}\s*$")),
)
_HOLDS_PLACE = re.compile(
    r"[*.xX•]+|<.*>|\[.*\]|\$\{?\w+\}?|(?:change|replace)[_-]?me|example|none|null", re.IGNORECASE
)
_LOOKS_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])\S{12,}")
_WHOLE_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]+[/?#]")
"""The beginning of an address whose host does not go on in an expression."""
_HINT = "Keep it as a secret and name that, as `secret: stock-api`."


def check_secrets(view: WorkflowView, known: Collection[str] | None) -> None:
    """Report secrets that do not exist (`known` None: nobody knows which do) and secrets written out."""
    for step in view.steps:
        own = step.step
        _check_settings(view, step.type, own.settings, (*step.path, "with"), known)
        for name, attached in (("undo", own.undo), ("verify", own.verify)):
            if attached is not None:
                step_type = view.catalogue.find(attached.type, attached.version)
                _check_settings(view, step_type, attached.settings, (*step.path, name, "with"), known)
    _check_all(view, view.workflow.variables, ("spec", "variables"))


def _check_settings(
    view: WorkflowView,
    step_type: StepType | None,
    settings: dict[str, Any],
    path: Path,
    known: Collection[str] | None,
) -> None:
    named = {used.path for used in used_secrets(step_type.settings, settings, path)} if step_type else set()
    for name in sorted(named, key=str):
        _check_name(view, name, known)
    for inner, text in _texts(settings, path):
        if inner not in named:
            _check_text(view, inner, text)


def _check_all(view: WorkflowView, value: Any, path: Path) -> None:
    for inner, text in _texts(value, path):
        _check_text(view, inner, text)


def goes_to(used: UsedSecret) -> str:
    """Return where a secret goes: nowhere (`@local`), or to the address in another setting, as far as that is written out."""
    url = used.goes_to if used.goes_to.startswith("@") else used.beside.get(used.goes_to)
    if not isinstance(url, str):
        return ""
    written, template, _ = url.partition("{{")
    return written if not template or _WHOLE_HOST.match(written) else ""


def _check_name(view: WorkflowView, path: Path, known: Collection[str] | None) -> None:
    node = view.findings.tree.find(path)
    name = node.value if node else None
    if not isinstance(name, str):
        return
    if has_template(name):
        message = "Which secret a step uses cannot depend on data."
        hint = "Write its name, as `stock-api`; to choose between secrets, use a step for each behind a `switch`."
        view.findings.add("secret-from-data", path, message, hint=hint)
    elif not DOCUMENT_NAME.fullmatch(name):
        message = "This cannot be the name of a secret."
        hint = "Give the name of a secret here, small letters, digits and -, never the secret itself."
        view.findings.add("bad-name", path, message, hint=hint)
    elif known is not None and name not in known:
        near = nearest(name, known)
        fix = view.findings.fix_value(path, f"Write {near}", near) if near else None
        hint = did_you_mean(name, sorted(known)) or "Create it, or ask somebody who may."
        view.findings.add("unknown-secret", path, f"There is no secret {name!r}.", hint=hint, fix=fix)


def _check_text(view: WorkflowView, path: Path, text: str) -> None:
    for what, pattern in _FORMATS:
        if pattern.search(text):
            view.findings.add(
                "plain-secret",
                path,
                f"This looks like {what}, written out for everybody to read.",
                hint=_HINT,
            )
            return
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    if has_template(text) or _HOLDS_PLACE.fullmatch(text):
        return
    is_telling = _TELLING.fullmatch(name) and len(text) >= 4
    if is_telling or (_SOMETIMES_TELLING.fullmatch(name) and _LOOKS_RANDOM.fullmatch(text)):
        message = f"{name!r} seems to be a secret, written out for everybody to read."
        view.findings.add("plain-secret", path, message, hint=_HINT)


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))
