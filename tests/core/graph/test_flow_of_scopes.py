"""What is certain about the steps of a scope: compared with trying every way that a run can take."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from auraos.core.graph.flow import Choice, Flow
from auraos.core.workflow import Link, Scope, Step

ONE = [Choice(frozenset({"out"}))]
TWO = [Choice(frozenset({"yes"})), Choice(frozenset({"no"}))]
MAY_FAIL = [Choice(frozenset({"out"})), Choice(frozenset({"error"}), succeeds=False)]
NEVER = [Choice(frozenset({"error"}), succeeds=False)]
WAYS = {"plain": ONE, "choice": TWO, "risky": MAY_FAIL, "failing": NEVER, "end": []}


def flow_of(kinds: list[str], links: list[tuple[int, str, int]], joins: list[str | int]) -> Flow:
    steps = {
        f"s{number}": Step(id=f"s{number}", type=kind, join=join)
        for number, (kind, join) in enumerate(zip(kinds, joins, strict=True))
    }  # type: ignore[arg-type]
    arrows = tuple(Link(f"s{source}", port, f"s{target}") for source, port, target in links)
    return Flow(Scope(steps=steps, links=arrows), lambda step, linked: WAYS[step.type])


def every_way(flow: Flow) -> list[tuple[dict[str, Choice], set[str]]]:
    """Return, for all choices, how each step that fired ended; ways that meet an end of the run are left out."""
    ways = []
    for picked in product(*(range(max(1, len(choices))) for choices in flow.choices)):
        fired: dict[int, Choice] = {}
        ended = False
        for number in flow.order:
            arrows = flow.into[number]
            live = sum(arrow.source in fired and arrow.port in fired[arrow.source].ports for arrow in arrows)
            if arrows and live < flow.needed(number):
                continue
            if not flow.choices[number]:
                ended = True
                break
            fired[number] = flow.choices[number][picked[number]]
        if not ended:
            named = {flow.steps[number].id: choice for number, choice in fired.items()}
            ways.append((named, {name for name, choice in named.items() if choice.succeeds}))
    return ways


@st.composite
def scopes(draw: st.DrawFn) -> Flow:
    count = draw(st.integers(2, 7))
    kinds = [
        draw(st.sampled_from(["plain", "plain", "choice", "choice", "risky", "failing", "end"]))
        for _ in range(count)
    ]
    links = []
    for target in range(1, count):
        for source in range(target):
            if draw(st.integers(0, 2)) == 0:
                ports = {"choice": ["yes", "no"], "risky": ["out", "error"], "failing": ["error"]}.get(
                    kinds[source], ["out"]
                )
                links.append((source, draw(st.sampled_from(ports)), target))
    incoming = [sum(link[2] == number for link in links) for number in range(count)]
    joins = [
        draw(st.sampled_from(["all", "any", "collect", *range(1, max(2, many + 1))])) for many in incoming
    ]
    return flow_of(kinds, links, joins)


@given(scopes())
def test_what_is_said_to_be_certain_holds_in_every_way(flow: Flow) -> None:
    ways = every_way(flow)
    for number in flow.order:
        with_it = [succeeded for fired, succeeded in ways if flow.steps[number].id in fired]
        certain = {step.id for place, step in enumerate(flow.steps) if flow.succeeded[number] >> place & 1}
        assert all(certain <= succeeded for succeeded in with_it)
    always = {step.id for place, step in enumerate(flow.steps) if flow.always >> place & 1}
    assert all(always <= succeeded for _, succeeded in ways)


@given(scopes())
def test_a_step_that_fires_in_some_way_is_not_said_to_be_unreachable(flow: Flow) -> None:
    fired = set().union(*(fired.keys() for fired, _ in every_way(flow)), set())
    said = {flow.steps[number].id for number in flow.order if flow.can_ever_fire(number)}
    assert fired <= said


@given(scopes())
def test_a_step_is_read_safely_exactly_when_no_way_leaves_it_out(flow: Flow) -> None:
    ways = every_way(flow)
    ends = [number for number, choices in enumerate(flow.choices) if not choices]
    for late in flow.order:
        for early in flow.order:
            if not flow.is_before(early, late) or any(flow.can_fire[end] for end in ends):
                continue
            together = [succeeded for fired, succeeded in ways if flow.steps[late].id in fired]
            with_output, without = flow.find_ways(early, late)
            name = flow.steps[early].id
            if together:
                assert (without is None) == all(name in succeeded for succeeded in together)
                assert with_output == any(name in succeeded for succeeded in together)


def test_steps_of_a_cycle_and_behind_it_have_no_order() -> None:
    flow = flow_of(["plain"] * 4, [(0, "out", 1), (1, "out", 2), (2, "out", 1), (2, "out", 3)], ["all"] * 4)
    assert [flow.steps[number].id for number in flow.order] == ["s0"]
    assert {flow.steps[number].id for number in flow.stuck} == {"s1", "s2"}
    (cycle,) = flow.cycles()
    assert [flow.steps[arrow.source].id for arrow in cycle] in (["s1", "s2"], ["s2", "s1"])


def test_a_join_of_two_among_three_is_sure_of_what_all_pairs_share() -> None:
    links = [(0, "yes", 1), (0, "yes", 2), (0, "yes", 3), (1, "out", 4), (2, "out", 4), (3, "out", 4)]
    flow = flow_of(["choice", "plain", "plain", "plain", "plain"], links, ["all", "all", "all", "all", 2])
    late = flow.number["s4"]
    assert flow.succeeded[late] >> flow.number["s0"] & 1
    assert not flow.decided[late] >> flow.number["s1"] & 1


def test_hundreds_of_branches_are_looked_through_in_bounded_time() -> None:
    kinds, links = ["plain"], []
    for number in range(1, 1200, 4):
        kinds += ["choice", "plain", "plain", "plain"]
        links += [(number - 1, "out", number), (number, "yes", number + 1), (number, "no", number + 2)]
        links += [(number + 1, "out", number + 3), (number + 2, "out", number + 3)]
    flow = flow_of(kinds, links, ["all"] * len(kinds))
    _, without = flow.find_ways(flow.number["s2"], flow.number[f"s{len(kinds) - 1}"])
    assert without is not None
