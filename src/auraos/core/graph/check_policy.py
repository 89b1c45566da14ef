"""Checks of what a step does about failure and time: retry, keys, doubts, undo, cache, time-outs."""

from datetime import timedelta
from typing import Any

import msgspec

from auraos.core.catalogue import Behaviour, Effect
from auraos.core.graph.uses import Use
from auraos.core.graph.views import CONTAINERS, WAITS, StepView, WorkflowView, ask_type, plain_settings
from auraos.core.problems import Path
from auraos.core.values import ValueRefusedError, format_duration, parse_duration
from auraos.core.workflow import FLOW_SETTINGS

_INLINE = (Behaviour.EVALUATE, Behaviour.STOP)
_HARMLESS = (Effect.PURE, Effect.READ)


def check_policies(view: WorkflowView, uses: list[Use]) -> None:
    """Report policies that do harm, that cannot be kept, or that change nothing."""
    keyed = {use.path[: len(use.reader.path)] for use in uses if use.role == "key" and use.reader}
    _check_flows(view, {use.path[:4] for use in uses if use.role == "flow"})
    for step in view.steps:
        if step.type is None:
            continue
        _check_idle_fields(view, step)
        _check_retry(view, step)
        _check_key(view, step, has_expression=step.path in keyed)
        _check_doubt(view, step)
        _check_undo_and_cache(view, step)
        _check_times(view, step)
        _check_waits(view, step)


def _check_flows(view: WorkflowView, keyed: set[Path]) -> None:
    """Report what changes nothing in the settings that limit how many runs go on."""
    for name in FLOW_SETTINGS:
        flow, path = getattr(view.workflow.settings, name), ("spec", "settings", name)
        if flow is None:
            continue
        if flow.key is not None and (*path, "key") not in keyed:
            message = "'key' has no effect: it is the same for every run, as without one."
            hint = 'Write it as `key: "{{ input.customer }}"`.'
            view.findings.add("field-without-effect", (*path, "key"), message, hint=hint, key=True)
        if name == "batch" and flow.limit == 1:
            message = "'limit' of 1 gathers nothing: each start is a batch of its own."
            view.findings.add("field-without-effect", (*path, "limit"), message, key=True)


def effective_effect(step: StepView) -> Effect | None:
    """Return the effect once the author's word is counted in: with a `key`, a write may be repeated."""
    effect = step.effect
    return Effect.IDEMPOTENT if effect is Effect.WRITE and step.step.key is not None else effect


def _idle(view: WorkflowView, step: StepView, name: str, why: str, hint: str = "") -> None:
    message = f"{name!r} has no effect: {why}."
    view.findings.add("field-without-effect", (*step.path, name), message, hint=hint, key=True)


def _check_idle_fields(view: WorkflowView, step: StepView) -> None:
    own = step.step
    if step.behaviour in _INLINE:
        for name in ("timeout", "deadline", "pool", "resources", "priority", "cache"):
            if getattr(own, name) is not None:
                _idle(view, step, name, f"a {own.type!r} step is evaluated at once")
    if step.behaviour in (*CONTAINERS, *WAITS, Behaviour.CALL):
        for name in ("pool", "resources", "priority", "cache"):
            if getattr(own, name) is not None:
                _idle(view, step, name, f"a {own.type!r} step does no work of its own")
    _check_fallback(view, step)


def _check_fallback(view: WorkflowView, step: StepView) -> None:
    own = step.step
    ports = step.scope.linked.get(own.id)
    if own.fallback is msgspec.UNSET or not ports:
        return
    if "error" in ports:
        _idle(
            view,
            step,
            "fallback",
            "the step's `error` port is linked, and one of the two can only be",
            "Keep one.",
        )
    elif step.ports is not None and "out" not in step.ports:
        message = f"A fallback goes on at the port 'out', which {own.id!r} does not have: nothing after it would run."
        hint = "Catch the failure at its port `error` instead."
        view.findings.add("field-without-effect", (*step.path, "fallback"), message, hint=hint, key=True)


def _check_retry(view: WorkflowView, step: StepView) -> None:
    retry = step.step.retry
    if retry is None:
        return
    path = (*step.path, "retry")
    if retry.attempts == 1:
        if "attempts" in view.findings.tree.find(path).value:  # type: ignore[union-attr]  # it was read from there
            _idle(view, step, "retry", "there is one attempt only", "Raise `attempts`.")
        return
    if step.behaviour in _INLINE:
        _idle(view, step, "retry", f"a {step.step.type!r} step gives the same each time")
        return
    if step.is_container:
        _check_what_stands(view, step)
        return
    if step.behaviour is Behaviour.TIMER:
        message = f"{step.id!r} cannot be tried again: the time it waits for always comes."
        _refuse(view, path, message, "Remove `retry`.")
    elif step.behaviour is Behaviour.CALL and step.step.settings.get("wait") is False:
        message = f"{step.id!r} cannot be tried again: with `wait: false` it never hears that the called run failed."
        _refuse(view, path, message, "Remove `retry`, or let it wait.")
    effect = effective_effect(step)
    if effect not in (Effect.WRITE, Effect.IRREVERSIBLE):
        return
    if step.step.uncertain == "retry":
        message = (
            f"{step.id!r} may do its work twice: it is repeated even when nobody knows whether it was done."
        )
        hint = "Give it a `key`, if the other side honours one, or write `uncertain: ask`."
        view.findings.add("repeats-a-write", (*step.path, "uncertain"), message, hint=hint)
    elif step.step.uncertain is None and step.step.verify is None:
        message = f"{step.id!r} changes something and has no `key`, so an attempt in doubt is not repeated: a person is asked."
        hint = (
            "Give it a `key`, if the other side honours one; else say what to do by `uncertain` or `verify`."
        )
        view.findings.add("retry-without-key", path, message, hint=hint, key=True)


def _check_what_stands(view: WorkflowView, container: StepView) -> None:
    """Report the effects within a container that its next try neither takes back nor can tell from others."""
    for step in view.steps:
        within = step.path[len(container.path) :]
        is_within = len(within) > 0 and step.path[: len(container.path)] == container.path
        changing = effective_effect(step) in (Effect.WRITE, Effect.IRREVERSIBLE)
        if not is_within or not changing or step.step.undo is not None:
            continue
        if "finally" in within[::2]:
            message = f"{step.id!r} stands in a `finally`, so it is done once more in every try of {container.id!r}."
        else:
            message = (
                f"{step.id!r} has no `undo` and no `key`: once done it stands, and when {container.id!r} is tried again "
                "it is not done for what may be other data then."
            )
        hint = "Give it an `undo`, or a `key` that says what is the same work."
        view.findings.add("stands-when-retried", step.path, message, hint=hint, key=True)


def _refuse(view: WorkflowView, path: Path, message: str, hint: str) -> None:
    view.findings.add("policy-refused", path, message, hint=hint, key=True)


def _check_key(view: WorkflowView, step: StepView, *, has_expression: bool) -> None:
    key = step.step.key
    if key is None:
        return
    path = (*step.path, "key")
    if step.behaviour is Behaviour.FOREACH:
        if not has_expression:
            message = "The key names the items, so it must differ from item to item."
            view.findings.add("constant-key", path, message, hint='Write it as `key: "{{ item.id }}"`.')
        return
    effect = step.effect
    if step.behaviour is Behaviour.CALL:
        _check_key_of_call(view, step, has_expression=has_expression)
    elif step.behaviour in WAITS:
        _idle(
            view, step, "key", f"a {step.step.type!r} step sends nothing out", "Give it to the steps that do."
        )
    elif effect in _HARMLESS:
        _idle(view, step, "key", f"{step.id!r} changes nothing that could be done twice")
    elif not has_expression and isinstance(key, str | int):
        message = (
            f"Every run has the same key {key!r}: the other side will do the work for the first one only."
        )
        view.findings.add("constant-key", path, message, hint='Write it as `key: "{{ input.id }}"`.')


def _check_key_of_call(view: WorkflowView, step: StepView, *, has_expression: bool) -> None:
    """Report what a called run that several callers share cannot have."""
    key, called = step.step.key, step.step.settings.get("workflow")
    if not has_expression and isinstance(key, str | int):
        message = f"Every run has the same key {key!r}: {called!r} runs for the first one only."
        hint = 'Write it as `key: "{{ input.id }}"`.'
        view.findings.add("constant-key", (*step.path, "key"), message, hint=hint)
    if step.step.retry is not None and step.step.retry.attempts > 1:
        message = f"{step.id!r} cannot be tried again: its `key` names one run, and that does not run twice."
        hint = f"Remove `retry`, and give it to the steps of {called!r}."
        _refuse(view, (*step.path, "retry"), message, hint)
    if step.step.undo is not None:
        message = f"{step.id!r} cannot be undone from here: others may have called the run of its `key` too."
        _refuse(view, (*step.path, "undo"), message, "Remove `undo`, or the `key`.")


def _check_doubt(view: WorkflowView, step: StepView) -> None:
    own, effect = step.step, effective_effect(step)
    if effect is not None and effect.may_repeat:
        for name in ("uncertain", "verify"):
            if getattr(own, name) is not None:
                _idle(view, step, name, f"{own.id!r} may simply be repeated when nobody knows its outcome")
        return
    if own.uncertain == "verify" and own.verify is None:
        view.findings.add(
            "verify-missing",
            (*step.path, "uncertain"),
            f"Nothing says how to verify: {own.id!r} has no `verify`.",
            hint="Add `verify: {type: …, with: …, done: …}`, or write `uncertain: ask`.",
        )
    if own.verify is None:
        return
    if own.uncertain not in (None, "verify"):
        _idle(view, step, "verify", f"'uncertain' is {own.uncertain!r}", "Write `uncertain: verify`.")
    verifier = view.catalogue.find(own.verify.type, own.verify.version) if own.verify.type else None
    if verifier is None:
        return
    settings = own.verify.settings
    if ask_type(lambda: verifier.effect_of(settings)) not in (*_HARMLESS, None):
        view.findings.add(
            "verify-writes",
            (*step.path, "verify", "type"),
            f"A {verifier.name!r} step under these settings changes something; verifying must only look.",
        )
    elif verifier.behaviour is not Behaviour.EXECUTE:
        message = f"A {verifier.name!r} step does not look at the world, so it cannot verify."
        view.findings.add("verify-writes", (*step.path, "verify", "type"), message)


def _check_undo_and_cache(view: WorkflowView, step: StepView) -> None:
    own = step.step
    if own.undo is not None and step.effect in _HARMLESS and step.behaviour in (*_INLINE, Behaviour.EXECUTE):
        _idle(view, step, "undo", f"{own.id!r} changes nothing that could be taken back")
    is_work = step.behaviour is Behaviour.EXECUTE
    if own.cache is not None and is_work and step.effect not in (*_HARMLESS, None):
        view.findings.add(
            "cache-of-effect",
            (*step.path, "cache"),
            f"{own.id!r} changes something; from the cache it would not happen.",
            hint="Remove `cache`.",
            key=True,
        )


def _check_times(view: WorkflowView, step: StepView) -> None:
    own, limit = step.step, view.workflow.settings.timeout
    if own.timeout and own.deadline and own.timeout > own.deadline:
        _too_long(
            view, step, "timeout", own.timeout, f"the step's deadline of {format_duration(own.deadline)}"
        )
    for name, span in (("timeout", own.timeout), ("deadline", own.deadline)):
        if span and limit and span > limit:
            _too_long(view, step, name, span, f"the time-out of the whole run, {format_duration(limit)}")


def _too_long(view: WorkflowView, step: StepView, name: str, span: timedelta, than: str) -> None:
    message = f"The {name} of {format_duration(span)} is longer than {than}, and never comes into effect."
    view.findings.add("timeout-too-long", (*step.path, name), message)


def _check_waits(view: WorkflowView, step: StepView) -> None:
    if step.behaviour not in WAITS:
        return
    limit = view.workflow.settings.timeout
    own = [span for span in (step.step.timeout, step.step.deadline) if span]
    spans = {
        name: _span(plain_settings(step.step.settings, name)) for name in ("duration", "expires", "remind")
    }
    for name in ("duration", "expires"):
        span = spans[name]
        path = (*step.path, "with", name)
        if span and own and span > min(own):
            message = (
                f"{step.id!r} waits {format_duration(span)}, but times out after {format_duration(min(own))}."
            )
            view.findings.add("wait-too-long", path, message, hint="Give the wait and the step one limit.")
        if span and limit and span >= limit:
            message = f"{step.id!r} waits {format_duration(span)}, but the run times out after {format_duration(limit)}."
            view.findings.add("wait-too-long", path, message, hint="Raise `settings: timeout`, or wait less.")
    if spans["remind"] and spans["expires"] and spans["remind"] >= spans["expires"]:
        message = f"Nobody is reminded: {step.id!r} expires before."
        view.findings.add("field-without-effect", (*step.path, "with", "remind"), message, key=True)


def _span(value: Any) -> timedelta | None:
    try:
        return parse_duration(value) if isinstance(value, str) else None
    except ValueRefusedError:
        return None
