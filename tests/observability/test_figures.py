"""Figures: they are counted without a bound on how often, and with one on how many rows."""

import re

from auraos.observability.exposition import exposed
from auraos.observability.figures import LONGEST_LABEL, OTHERS, Figures, Tally, Timing, gauge
from auraos.observability.process import process_figures

LINE = re.compile(
    r"^(?:# HELP [a-z_]+ [^\n]+|# TYPE [a-z_]+ (?:counter|gauge|histogram)|"
    r'[a-z_]+(?:\{[a-z]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z]+="(?:[^"\\\n]|\\[\\"n])*")*\})? (?:[0-9.e+-]+|[+-]Inf|NaN))$'
)


def told(source) -> list[str]:
    return exposed(source.figures()).decode().splitlines()


def test_what_happens_is_counted_by_its_labels():
    tally = Tally("auraos_things_total", "Things.", "kind", "state")
    tally.add("a", "good")
    tally.add("a", "good")
    tally.add("b", "bad", by=3)
    assert told(tally) == [
        "# HELP auraos_things_total Things.",
        "# TYPE auraos_things_total counter",
        'auraos_things_total{kind="a",state="good"} 2',
        'auraos_things_total{kind="b",state="bad"} 3',
    ]


def test_a_figure_without_labels_is_told_before_anything_happened():
    assert told(Tally("auraos_things_total", "Things."))[-1] == "auraos_things_total 0"
    assert told(Timing("auraos_wait_seconds", "Waits."))[-1] == "auraos_wait_seconds_count 0"


def test_beyond_so_many_rows_the_rest_is_counted_together():
    tally = Tally("auraos_things_total", "Things.", "name", most=3)
    for number in range(100):
        tally.add(f"n{number}")
    tally.add("n1")
    (figure,) = tally.figures()
    rows = {row.labels[0][1]: row.value for row in figure.rows}
    assert rows == {"n0": 1, "n1": 2, "n2": 1, OTHERS: 97}


def test_times_beyond_so_many_rows_are_counted_together_too():
    timing = Timing("auraos_wait_seconds", "Waits.", "name", bounds=(1.0,), most=2)
    for number in range(50):
        timing.note(0.5, f"n{number}")
    counts = [line for line in told(timing) if "_count" in line]
    assert counts == [
        'auraos_wait_seconds_count{name="n0"} 1',
        'auraos_wait_seconds_count{name="n1"} 1',
        f'auraos_wait_seconds_count{{name="{OTHERS}"}} 48',
    ]


def test_a_time_falls_under_every_bound_that_it_does_not_pass():
    timing = Timing("auraos_wait_seconds", "Waits.", bounds=(0.1, 1.0))
    for seconds in (0.1, 0.25, 3.0):
        timing.note(seconds)
    assert told(timing)[2:] == [
        'auraos_wait_seconds_bucket{le="0.1"} 1',
        'auraos_wait_seconds_bucket{le="1"} 2',
        'auraos_wait_seconds_bucket{le="+Inf"} 3',
        "auraos_wait_seconds_sum 3.35",
        "auraos_wait_seconds_count 3",
    ]


def test_no_label_ends_its_line_or_is_longer_than_it_may_be():
    tally = Tally("auraos_things_total", "Things.", "name")
    tally.add('x"} 1\nevil{a="\\')
    tally.add("y" * 5000)
    lines = told(tally)
    assert lines[2] == 'auraos_things_total{name="x\\"} 1\\nevil{a=\\"\\\\"} 1'
    assert len(lines[3]) < LONGEST_LABEL + 40
    assert all(LINE.match(line) for line in lines)


def test_everything_that_a_process_says_of_itself_can_be_read_line_by_line():
    figures = Figures()
    figures.add(process_figures, lambda: [gauge("auraos_odd", "Odd.", float("inf"), of="x")])
    lines = exposed(figures.now()).decode().splitlines()
    assert [line for line in lines if not LINE.match(line)] == []
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(values["process_resident_memory_bytes"]) > 1_000_000
    assert float(values["process_cpu_seconds_total"]) > 0
    assert values['auraos_odd{of="x"}'] == "+Inf"
