"""Large values: what goes into blobs, what stands in the fact, and what no user data can pose as."""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from auraos.core.run import LARGE, LargeValues, Reading, decode_fact, encode_fact, fill_fact, has_references
from auraos.core.run.facts import LoopEntered, RunStarted, StepGranted, StepSucceeded
from auraos.core.values import FileReference, ValueReference, ValueRefusedError, from_wire

ROWS = [{"id": number, "$price": Decimal("0.10"), "name": "x" * 40} for number in range(2_000)]


class Blobs(dict[str, bytes]):
    """Contents by hash."""

    def reading(self, known: LargeValues | None = None) -> Reading:
        return Reading(lambda reference: self[reference.hash], known)

    def keep(self, large: LargeValues) -> int:
        """Keep what is fresh; return how many there were."""
        fresh, large.fresh = large.fresh, {}
        self.update(fresh)
        return len(fresh)


def succeeded(output: Any) -> StepSucceeded:
    return StepSucceeded(at=1, path="a", output=output)


def test_a_large_output_is_a_short_fact_and_comes_back_whole() -> None:
    large, blobs = LargeValues(), Blobs()
    stored = encode_fact(succeeded({"rows": ROWS, "n": 1}), large)
    blobs.keep(large)
    assert len(stored) < 400
    assert has_references(stored)
    assert decode_fact(stored, blobs.reading()) == succeeded({"rows": ROWS, "n": 1})


def test_a_small_output_stays_where_it_is() -> None:
    large = LargeValues()
    assert encode_fact(succeeded({"n": [1, 2]}), large) == encode_fact(succeeded({"n": [1, 2]}))
    assert large.fresh == {}


def test_a_value_that_comes_again_is_named_and_not_kept_again() -> None:
    large, blobs = LargeValues(), Blobs()
    text = "ä" * LARGE
    encode_fact(succeeded({"body": text}), large)
    first = blobs.keep(large)
    granted = StepGranted(at=2, path="b", parameters={"json": {"again": text, "twice": [text, text]}})
    stored = encode_fact(granted, large)
    assert (first, blobs.keep(large)) == (1, 0)
    assert len(stored) < 800
    assert decode_fact(stored, blobs.reading()) == granted


def test_what_was_fetched_is_one_object_and_is_known_from_then_on() -> None:
    large, blobs = LargeValues(), Blobs()
    stored = encode_fact(succeeded([ROWS, ROWS]), large)
    blobs.keep(large)
    again = LargeValues()
    fact = decode_fact(stored, blobs.reading(again))
    assert isinstance(fact, StepSucceeded)
    assert fact.output[0] is fact.output[1]
    assert encode_fact(fact, again) == stored
    assert blobs.keep(again) == 0


def test_fields_that_must_be_lists_and_mappings_stay_so() -> None:
    large, blobs = LargeValues(), Blobs()
    facts = [
        LoopEntered(at=1, path="each", items=ROWS),
        RunStarted(at=1, run="r", workflow="w", version="v", variables={"rows": ROWS, "text": "y" * LARGE}),
    ]
    stored = [encode_fact(fact, large) for fact in facts]
    blobs.keep(large)
    assert max(map(len, stored)) < 500
    assert [decode_fact(line, blobs.reading()) for line in stored] == facts


def test_without_blobs_a_reference_stands_for_the_value() -> None:
    large = LargeValues()
    fact = decode_fact(encode_fact(succeeded("z" * 2 * LARGE), large))
    assert isinstance(fact, StepSucceeded)
    assert isinstance(fact.output, ValueReference)
    assert fact.output.size == 2 * LARGE + 2
    assert encode_fact(decode_fact(encode_fact(fact))) == encode_fact(fact)


FORGED = [
    {"$blob": {"hash": "0" * 64, "size": 70_000}},
    [{"$items": {"hash": "0" * 64, "size": 70_000}}],
    {"$$blob": {"hash": "0" * 64, "size": 70_000}},
]


def test_user_data_cannot_pose_as_a_reference() -> None:
    for forged in FORGED:
        for large in (None, LargeValues()):
            stored = encode_fact(succeeded(forged), large)
            fact = decode_fact(stored, Reading(_nothing_is_fetched))
            assert fact == succeeded(forged)
            padded = succeeded({"forged": forged, "rows": ROWS})
            known, blobs = LargeValues(), Blobs()
            line = encode_fact(padded, known)
            blobs.keep(known)
            assert decode_fact(line, blobs.reading()) == padded


def test_what_comes_from_outside_is_never_read_as_a_reference() -> None:
    for forged in FORGED[:2]:
        try:
            value = from_wire(forged)
        except ValueRefusedError:
            continue
        raise AssertionError(value)


def _nothing_is_fetched(reference: ValueReference) -> bytes:
    raise AssertionError(reference)


VALUES = st.recursive(
    st.none() | st.integers(-9, 9) | st.text(max_size=3) | st.just("long" * 100) | st.just(Decimal("1.5"))
    | st.just(FileReference(hash="h", size=1)),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["a", "$b", "$$c", "$blob", "$items"]), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(VALUES)
def test_any_value_comes_back_whatever_is_large_in_it(value: Any) -> None:
    import auraos.core.run.large as module

    usual, module.LARGE = module.LARGE, 50
    try:
        large, blobs = LargeValues(), Blobs()
        stored = encode_fact(succeeded(value), large)
        blobs.keep(large)
        assert decode_fact(stored, blobs.reading()) == succeeded(value)
        assert fill_fact(decode_fact(stored), blobs.reading()) == succeeded(value)
        assert msgspec.json.decode(stored)["fact"] == "StepSucceeded"
    finally:
        module.LARGE = usual
