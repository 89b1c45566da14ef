"""Bindings: what a workspace puts in place of variables and secrets of definitions that come to it from another one.

`test` and `production` share a definition and differ in an address and a secret. What differs is bound once, in the workspace
where it holds; whatever is promoted there says it from then on.
"""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.document import Document, parse
from auraos.core.graph.findings import Findings
from auraos.core.graph.read import is_typed
from auraos.core.kind import OF_SECRETS
from auraos.core.problems import Path, Problem
from auraos.documents.definitions.checking import Checked
from auraos.documents.definitions.rows import Binding, Bound
from auraos.documents.definitions.service import Definitions
from auraos.documents.difference import show
from auraos.documents.splice import apply_edits, set_value


class Bindings:
    """The bindings of all workspaces. Whoever calls it has asked whether the actor may."""

    def __init__(self, definitions: Definitions) -> None:
        self._store = definitions.store.bindings
        self._definitions = definitions

    async def all(self, workspace: str) -> Sequence[Binding]:
        """Return all bindings of a workspace."""
        return await self._store.bindings(workspace)

    async def bind(self, actor: Actor, binding: Binding) -> Binding:
        """Let this stand for a variable or secret from now on, in what is promoted to the workspace."""
        when = self._definitions.when(actor)
        kept = msgspec.structs.replace(binding, at=when.at, author=actor.name)
        await self._store.bind(kept, _entry(actor, when.at, binding, "bind"))
        return kept

    async def unbind(self, actor: Actor, binding: Binding) -> bool:
        """Let a variable or secret stand for itself again; return whether it was bound."""
        entry = _entry(actor, self._definitions.when(actor).at, binding, "unbind")
        return await self._store.unbind(binding, entry)


def rebound(
    read: Checked, bindings: Sequence[Binding], source: Sequence[Binding] = ()
) -> tuple[str, tuple[str, ...]]:
    """Return the text of a definition with what is bound in its place, and what that is in words.

    `source` are the bindings of the workspace that it comes from: what was put in place of a secret there stands for that secret.
    """
    document = read.document
    if document is None:
        return read.text, ()
    chosen, former = _chosen(document, bindings), _chosen(document, source)
    text, words = read.text, []
    for path, value, told in (*_variables(document.spec, chosen), *_secrets(read, chosen, former)):
        changed = apply_edits(text, set_value(parse(text), path, value))
        if changed != text:
            words.append(told)
            text = changed
    return text, tuple(words)


def unbound(
    read: Checked, bindings: Sequence[Binding], source: Sequence[Binding], as_written: Collection[str] = ()
) -> list[Problem]:
    """Return the variables that are bound where a definition comes from and not where it goes: it would say what holds there."""
    document = read.document
    if document is None:
        return []
    chosen, former = _chosen(document, bindings), _chosen(document, source)
    findings = Findings(document.tree, read.text)
    declared = document.spec.get("variables")
    for name in declared if isinstance(declared, dict) else ():
        mark: tuple[Bound, str] = ("variable", name)
        if mark in former and mark not in chosen and name not in as_written:
            findings.add(
                "unbound-variable", ("spec", "variables", name),
                f"The variable {name!r} is bound where it comes from, and not here: it would keep the value of there.",
                hint=f"Bind it here, or let {name!r} stay as it is written.",
            )  # fmt: skip
    return findings.problems


def _chosen(document: Document, bindings: Sequence[Binding]) -> dict[tuple[Bound, str], Binding]:
    """Return what holds in a definition: what is bound in it goes before what is bound in all."""
    own = [each for each in bindings if (each.kind, each.name) in (("", ""), (document.kind, document.name))]
    return {(each.what, each.given): each for each in sorted(own, key=lambda each: bool(each.name))}


def _variables(spec: dict[str, Any], chosen: dict[tuple[Bound, str], Binding]) -> list[tuple[Path, Any, str]]:
    variables = spec.get("variables")
    found: list[tuple[Path, Any, str]] = []
    for name, written in variables.items() if isinstance(variables, dict) else ():
        binding = chosen.get(("variable", name))
        if binding is not None:
            value = msgspec.json.decode(binding.value)
            path: Path = ("spec", "variables", name)
            inner = (*path, "default") if is_typed(written) else path
            found.append((inner, value, f"the variable `{name}` is {show(value)} here"))
    return found


def _secrets(
    read: Checked, chosen: dict[tuple[Bound, str], Binding], former: dict[tuple[Bound, str], Binding]
) -> list[tuple[Path, Any, str]]:
    meant = {each.value: each.given for (what, _), each in former.items() if what == "secret"}
    found: list[tuple[Path, Any, str]] = []
    for named in read.names:
        if named.kind != OF_SECRETS:
            continue
        given = named.name if ("secret", named.name) in chosen else meant.get(named.name, named.name)
        binding = chosen.get(("secret", given))
        value = binding.value if binding is not None else given
        if value != named.name:
            found.append((named.path, value, f"the secret `{given}` is `{value}` here"))
    return found


def _entry(actor: Actor, at: int, binding: Binding, action: str) -> Entry:
    told = {"what": binding.what, "given": binding.given, "value": binding.value}
    about = Object(kind=binding.kind, name=binding.name) if binding.name else None
    return Entry(
        at=at, workspace=binding.workspace, actor=actor, action=f"definitions.{action}", object=about, after=told
    )  # fmt: skip
