"""Places in traces: read from what others tell, made of what there is, and told on."""

import hashlib

import pytest

from auraos.observability.traces import NO_SPAN, Span, Trace, Tracer, read, span_of, trace_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
RUN = "01a1fcc1-a9de-7e5d-ba2f-d21550c4d214"


class Kept:
    """Keeps spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def take(self, span: Span) -> None:
        self.spans.append(span)

    def close(self) -> None:
        return


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"00-{TRACE}-{SPAN}-01", Trace(TRACE, SPAN)),
        (f"00-{TRACE}-{SPAN}-00", Trace(TRACE, SPAN, is_told=False)),
        (f" 00-{TRACE}-{SPAN}-03 ", Trace(TRACE, SPAN)),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", Trace(TRACE, SPAN)),
        (f"00-{TRACE}-{SPAN}-01-more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}", None),
        (f"00-{TRACE}-{SPAN}-1", None),
        ("", None),
        ("00-" + "a" * 100_000, None),
    ],
)
def test_a_place_is_read_as_the_recommendation_says(header, expected):
    assert read(header) == expected


def test_a_place_is_told_as_it_was_read():
    header = f"00-{TRACE}-{SPAN}-01"
    assert read(header).header == header
    assert read(header).at(span_of("x")).header == f"00-{TRACE}-{span_of('x')}-01"


def test_what_begins_within_a_trace_goes_on_in_it_and_what_begins_alone_is_found_by_its_id():
    tracer = Tracer(Kept())
    within, parent = tracer.begin(RUN, f"00-{TRACE}-{SPAN}-01")
    assert (within, parent) == (Trace(TRACE, span_of(RUN)), SPAN)
    alone, parent = tracer.begin(RUN)
    assert (alone.trace, parent) == (RUN.replace("-", ""), NO_SPAN)
    assert trace_of("my-own-id") == hashlib.sha256(b"my-own-id").hexdigest()[:32]
    assert read(tracer.of_run(RUN)) == Trace(RUN.replace("-", ""), NO_SPAN)


def test_only_what_is_told_is_handed_on():
    kept = Kept()
    tracer = Tracer(kept)
    for told in (True, False):
        place = Trace(TRACE, SPAN, told)
        tracer.tell(Span(name="x", place=place, began=1, ended=2))
    assert [span.place.is_told for span in kept.spans] == [True]


def test_of_the_traces_that_begin_here_about_the_share_is_told_that_is_wanted():
    tracer = Tracer(Kept(), lambda: 20.0)
    told = sum(
        tracer.begin(hashlib.sha256(str(number).encode()).hexdigest())[0].is_told for number in range(5000)
    )
    assert abs(told - 1000) < 4 * (5000 * 0.2 * 0.8) ** 0.5
    nothing, everything = Tracer(Kept(), lambda: 0.0), Tracer(Kept(), lambda: 100.0)
    assert not nothing.begin(RUN)[0].is_told
    assert everything.begin(RUN)[0].is_told
    assert nothing.begin(RUN, f"00-{TRACE}-{SPAN}-01")[0].is_told
