"""Reading a workflow out of a document: every field of the language arrives where it belongs."""

from datetime import timedelta
from pathlib import Path

import msgspec
from graph_catalogue import catalogue

from auraos.core.document import read_document
from auraos.core.graph import check_text, read_workflow
from auraos.core.workflow import (
    Cache,
    FlowControl,
    Link,
    Retry,
    Scope,
    Settings,
    Step,
    Undo,
    Verify,
    Workflow,
)

ORDER_INTAKE = (Path(__file__).parents[2] / "order-intake.yaml").read_text(encoding="utf-8")


def read(spec: str) -> Workflow:
    document, _ = read_document(f"kind: workflow\nname: example\nspec:\n{spec}", ("workflow",))
    assert document is not None
    workflow, problems = read_workflow(document, catalogue())
    assert workflow is not None, problems
    return workflow


def read_step(step: str) -> Step:
    return read(f"  steps:\n    a: {step}\n").scope.steps["a"]


def test_the_example_of_the_language_has_one_variable_too_many_and_no_other_problem() -> None:
    (problem,) = check_text(ORDER_INTAKE, catalogue())
    assert (problem.code, problem.path) == ("unused-variable", ("spec", "variables", "currency"))
    used = ORDER_INTAKE.replace("{set: {amount:", '{set: {currency: "{{ vars.currency }}", amount:')
    assert check_text(used, catalogue()) == []


def test_the_example_of_the_language_is_read_in_full() -> None:
    document, _ = read_document(ORDER_INTAKE, ("workflow",))
    assert document is not None
    workflow, problems = read_workflow(document, catalogue())
    assert problems == []
    assert workflow is not None
    assert (workflow.name, workflow.title, workflow.variables) == (
        "order-intake",
        "Order intake",
        {"currency": "EUR"},
    )
    assert workflow.settings == Settings(
        timeout=timedelta(days=5),
        concurrency=FlowControl(key="{{ input.order.customer }}", limit=1, when_full="wait"),
        on_failure="tell-the-team",
        retention=timedelta(days=30),
    )
    assert workflow.scope.links[0] == Link("size", "large", "ask")
    assert workflow.scope.links[3] == Link("reserve", "out", "each_line")
    assert workflow.scope.steps["reserve"] == Step(
        id="reserve",
        type="http.request",
        settings={
            "method": "POST",
            "url": "https://stock.example/reserve",
            "json": "{{ input.order.lines }}",
            "secret": "stock-api",
        },
        key="{{ input.order.id }}",
        retry=Retry(
            attempts=5, first=timedelta(seconds=1), factor=2, max=timedelta(minutes=1), on=("transient",)
        ),
        timeout=timedelta(seconds=30),
        undo=Undo(
            type="http.request",
            settings={"method": "DELETE", "url": "https://stock.example/reserve/{{ steps.reserve.json.id }}"},
        ),
    )
    assert list(workflow.scope.steps["each_line"].body.steps) == ["price"]  # type: ignore[union-attr]  # it is a loop


def test_every_field_that_a_step_may_have_is_read() -> None:
    step = read_step(
        """
      type: http.request@1
      title: Pay
      notes: Ask Ada first.
      with: {url: "https://a.io", method: POST}
      join: any
      retry: {attempts: 3, first: 0s, factor: 1.5, max: 2m, jitter: 0, on: [timeout, http-503]}
      timeout: 250ms
      deadline: PT5M
      uncertain: verify
      verify: {type: http.request@1, with: {url: "https://a.io/1"}, done: "{{ output.status == 200 }}"}
      fallback: {status: 0}
      undo: {type: http.request, with: {url: "https://a.io", method: DELETE}, retry: {attempts: 9}, timeout: 5s}
      expect: {type: object}
      pool: erp
      resources: {cpu: 2}
      priority: 1
      cache: {ttl: 1h, key: "{{ input.id }}"}
      disabled: true"""
    )
    assert step == Step(
        id="a",
        type="http.request",
        version=1,
        title="Pay",
        notes="Ask Ada first.",
        settings={"url": "https://a.io", "method": "POST"},
        join="any",
        retry=Retry(
            attempts=3,
            first=timedelta(0),
            factor=1.5,
            max=timedelta(minutes=2),
            jitter=0,
            on=("timeout", "http-503"),
        ),
        timeout=timedelta(milliseconds=250),
        deadline=timedelta(minutes=5),
        uncertain="verify",
        verify=Verify(
            type="http.request",
            version=1,
            settings={"url": "https://a.io/1"},
            done="{{ output.status == 200 }}",
        ),
        fallback={"status": 0},
        undo=Undo(
            type="http.request",
            settings={"url": "https://a.io", "method": "DELETE"},
            retry=Retry(attempts=9),
            timeout=timedelta(seconds=5),
        ),
        expect={"type": "object"},
        pool="erp",
        resources={"cpu": 2},
        priority=1,
        cache=Cache(ttl=timedelta(hours=1), key="{{ input.id }}"),
        disabled=True,
    )


def test_a_fallback_of_null_is_one_and_none_is_none() -> None:
    assert read_step("{type: log, with: {message: a}, fallback: null}").fallback is None
    assert read_step("{type: log, with: {message: a}}").fallback is msgspec.UNSET


def test_containers_hold_their_scopes() -> None:
    guard = read_step(
        "{type: try, steps: {x: {type: noop}, y: {type: noop}}, links: [x -> y],"
        " catch: {steps: {c: {type: noop}}}, finally: {steps: {f: {type: noop}}}}"
    )
    noop = {name: Scope(steps={name: Step(id=name, type="noop")}) for name in "cf"}
    assert guard.body == Scope(
        steps={"x": Step(id="x", type="noop"), "y": Step(id="y", type="noop")}, links=(Link("x", "out", "y"),)
    )
    assert (guard.catch, guard.finally_, guard.branches) == (noop["c"], noop["f"], None)
    race = read_step("{type: race, branches: {c: {steps: {c: {type: noop}}}, f: {steps: {f: {type: noop}}}}}")
    assert race.branches == noop
    assert race.body is None


def test_a_variable_may_be_written_with_its_type() -> None:
    workflow = read(
        "  variables: {a: {type: integer, default: 5}, b: {type: order}, c: {type: string}}\n  steps: {s: {type: noop}}\n"
    )
    assert workflow.variables == {"a": 5, "b": {"type": "order"}, "c": {"type": "string"}}


def test_links_may_be_written_loosely_and_quoted() -> None:
    workflow = read(
        "  steps: {a: {type: noop}, b: {type: noop}, c: {type: noop}}\n  links: ['a->b', \"b.error  ->  c\"]\n"
    )
    assert workflow.scope.links == (Link("a", "out", "b"), Link("b", "error", "c"))


def test_flow_controls_share_one_shape() -> None:
    settings = read(
        "  settings:\n"
        "    throttle: {limit: 5, per: 1m, key: x}\n    rate: {limit: 9, per: 1h, when_full: fail}\n"
        "    debounce: {per: 5s}\n    batch: {limit: 100, per: 1m}\n    singleton: {key: y, when_full: skip}\n"
        "    priority: 0\n    timezone: Europe/Berlin\n    on_failure: tell\n"
        "  steps: {a: {type: noop}}\n"
    ).settings
    assert settings.throttle == FlowControl(key="x", limit=5, per=timedelta(minutes=1))
    assert settings.rate == FlowControl(limit=9, per=timedelta(hours=1), when_full="fail")
    assert settings.debounce == FlowControl(per=timedelta(seconds=5))
    assert settings.batch == FlowControl(limit=100, per=timedelta(minutes=1))
    assert settings.singleton == FlowControl(key="y", when_full="skip")
    assert (settings.priority, settings.timezone, settings.on_failure) == (0, "Europe/Berlin", "tell")
