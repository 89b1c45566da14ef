"""Checks of the graph itself: links and ports that exist, cycles, joins, steps that never start."""

from auraos.core.catalogue import Behaviour
from auraos.core.graph.findings import Findings, did_you_mean, join_names, nearest
from auraos.core.graph.flow import Arrow
from auraos.core.graph.read_scope import LinkPlaces
from auraos.core.graph.views import WAITS, ScopeView, StepView, WorkflowView
from auraos.core.problems import Fix, Place, TextEdit


def check_links(view: WorkflowView) -> None:
    """Report everything that is wrong with the links of every scope."""
    for scope in view.scopes:
        _check_each_link(scope, view)
        _check_cycles(scope, view.findings)
        _check_joins(scope, view.findings)


def check_starts(view: WorkflowView) -> None:
    """Report the steps that can never start; to be asked once the dead ports are known."""
    for scope in view.scopes:
        flow = scope.flow
        waiting = set(range(len(flow.steps))) - set(flow.order)
        for number in flow.order:
            if not flow.can_ever_fire(number):
                _report_never(scope, number, view.findings)
                flow.can_fire[number] = False
        for number in sorted(waiting - flow.stuck):
            step = scope.steps[flow.steps[number].id]
            message = f"{step.id!r} can never start: it follows steps that wait for one another."
            view.findings.add("unreachable-step", step.path, message, key=True)


def _report_never(scope: ScopeView, number: int, findings: Findings) -> None:
    flow = scope.flow
    step = scope.steps[flow.steps[number].id]
    arrows = flow.into[number]
    if flow.needed(number) > len(arrows):
        return  # said by the check of joins
    live = [arrow for arrow in arrows if flow.can_fire[arrow.source]]
    if live and len(live) >= flow.needed(number) > 1:
        findings.add(
            "never-starts",
            (*step.path, "join"),
            f"{step.id!r} can never start: {flow.needed(number)} of its links are never live together.",
            hint="Lower `join`, or write `join: all`.",
        )
        return
    if any(arrow.port == "expired" and flow.can_fire[arrow.source] for arrow in arrows):
        return  # said of the link
    dead = [arrow for arrow in arrows if not flow.may_be_live(arrow)] or arrows
    reasons = join_names(dict.fromkeys(_why_dead(scope, arrow) for arrow in dead))
    findings.add("unreachable-step", step.path, f"{step.id!r} can never start: {reasons}.", key=True)


def _why_dead(scope: ScopeView, arrow: Arrow) -> str:
    source = scope.steps[scope.flow.steps[arrow.source].id]
    if not scope.flow.can_fire[arrow.source]:
        return f"{source.id!r} never runs"
    if source.behaviour is Behaviour.STOP:
        return f"the run ends at {source.id!r}"
    if source.step.type == "fail":
        return f"{source.id!r} always fails"
    if source.step.disabled:
        return f"{source.id!r} is disabled and goes on at its port 'out' only"
    if arrow.port == "error":
        return f"{source.id!r} cannot fail"
    return f"the port {arrow.port!r} of {source.id!r} is never live"


def _check_each_link(scope: ScopeView, view: WorkflowView) -> None:
    seen: dict[object, int] = {}
    for number, (link, places) in enumerate(zip(scope.scope.links, scope.links, strict=True)):
        source = scope.steps.get(link.source)
        if source is None:
            _report_dangling(scope, view, number, link.source, places.source)
        elif source.ports and link.port != "error" and link.port not in source.ports:
            _report_port(source, number, scope, view.findings)
        if link.target not in scope.steps:
            _report_dangling(scope, view, number, link.target, places.target)
        if link in seen:
            message = f"This link is there already, as number {seen[link] + 1} of the list."
            view.findings.add("duplicate-link", places.path, message, hint="Remove one of them.")
        seen.setdefault(link, number)
        if source is not None:
            _check_dead_port(source, link.port, places, view.findings)


def _check_dead_port(source: StepView, port: str, places: LinkPlaces, findings: Findings) -> None:
    if port == "error" and not source.can_fail:
        findings.add("dead-port", places.path, f"{source.id!r} cannot fail.", place=places.port)
    elif port == "expired" and source.behaviour in WAITS and not source.can_expire:
        hint = "Write how long it waits, as `expires: 2d`." if source.behaviour is not Behaviour.TIMER else ""
        findings.add("dead-port", places.path, f"{source.id!r} never expires.", hint=hint, place=places.port)


def _report_dangling(scope: ScopeView, view: WorkflowView, number: int, name: str, place: Place) -> None:
    path = scope.links[number].path
    elsewhere = view.by_id.get(name)
    if elsewhere is not None:
        where = f"within {elsewhere.scope.owner.id!r}" if elsewhere.scope.owner else "outside"
        view.findings.add(
            "link-leaves-scope",
            path,
            f"A link joins steps of one scope; {name!r} stands {where}.",
            hint="Link the container itself.",
            place=place,
        )
        return
    near = nearest(name, scope.steps)
    fix = (
        Fix(f"Write {near}", (TextEdit(place.start, place.end, near),))
        if near and _is_exact(place, name)
        else None
    )
    view.findings.add(
        "dangling-link",
        path,
        f"There is no step {name!r}.",
        hint=did_you_mean(name, scope.steps),
        fix=fix,
        place=place,
    )


def _report_port(source: StepView, number: int, scope: ScopeView, findings: Findings) -> None:
    link, places = scope.scope.links[number], scope.links[number]
    ports = [*(source.ports or ()), "error"]
    near = nearest(link.port, ports)
    is_written = places.port != places.source
    fix = None
    if near and is_written and _is_exact(places.port, link.port):
        fix = Fix(f"Write {near}", (TextEdit(places.port.start, places.port.end, near),))
    message = f"{link.source!r} has no port {link.port!r}."
    if not is_written:
        message = f"{link.source!r} chooses among its ports; the link must say from which one it goes."
    hint = f"Did you mean {near!r}?" if near and is_written else f"Its ports are {join_names(ports)}."
    findings.add("dangling-port", places.path, message, hint=hint, fix=fix, place=places.port)


def _is_exact(place: Place, text: str) -> bool:
    return place.end - place.start == len(text)


def _check_cycles(scope: ScopeView, findings: Findings) -> None:
    flow = scope.flow
    for cycle in flow.cycles():
        names = [flow.steps[arrow.source].id for arrow in cycle]
        ring = " -> ".join([*names, names[0]])
        hint = "To repeat steps, put them into a `foreach` or a `while`."
        message = f"These steps wait for one another and never start: {ring}."
        findings.add("link-cycle", scope.links[cycle[-1].number].path, message, hint=hint)


def _check_joins(scope: ScopeView, findings: Findings) -> None:
    flow = scope.flow
    for number, step in enumerate(flow.steps):
        if step.join == "all":
            continue
        path = (*scope.steps[step.id].path, "join")
        links = len(flow.into[number])
        if isinstance(step.join, int) and step.join > links:
            said = f"{links} links lead" if links != 1 else "one link leads"
            message = f"{step.id!r} can never start: it waits for {step.join} live links and {said} to it."
            if links or step.join > 1:
                findings.add("never-starts", path, message, hint="Lower `join`, or add links.")
        elif not links:
            findings.add(
                "field-without-effect", path, f"'join' has no effect: no link leads to {step.id!r}.", key=True
            )
