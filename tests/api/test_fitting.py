"""Answers are marked by what they say, not sent again to those who have them, and packed for those who unpack them."""

import gzip
import json

import pytest

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.fitting import SMALLEST_PACKED, fit, takes_gzip

PATH = "/api/v1/definitions/workflow/greet"
TEXT = "kind: workflow\nname: greet\nspec:\n  steps:\n    hello: {type: noop}\n"


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("", False),
        ("gzip", True),
        ("GZip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.2", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0, *", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("x-gzip", True),
        ("gzip;q=nan", False),
        ("gzip;q=1;q=0", False),
        ("sgzip", False),
    ],
)
def test_only_who_takes_gzip_is_sent_it(accepted, takes):
    assert takes_gzip(accepted) is takes


async def test_what_is_large_is_packed_and_what_is_small_is_not():
    asked = {"accept-encoding": "gzip"}
    said = {"words": "round and round " * 500}
    large = await fit(Answer.of(said), "POST", asked)
    assert json.loads(gzip.decompress(large.body)) == said
    assert (large.headers["content-encoding"], large.headers["vary"]) == ("gzip", "accept-encoding")
    small = await fit(Answer.of({"words": "once"}), "POST", asked)
    assert (json.loads(small.body), "content-encoding" in small.headers) == ({"words": "once"}, False)


async def test_who_does_not_unpack_is_told_that_it_depends_on_that():
    plain = await fit(Answer.of(["x" * SMALLEST_PACKED]), "GET", {})
    assert ("content-encoding" in plain.headers, plain.headers["vary"]) == (False, "accept-encoding")


async def test_what_is_packed_already_stays_as_it_is():
    archive = Answer(200, b"PK" + bytes(5000), "application/zip")
    assert (await fit(archive, "GET", {"accept-encoding": "gzip"})).body == b"PK" + bytes(5000)


async def test_the_mark_of_a_packed_answer_is_another_one_and_is_known_again():
    said, packed = ["a" * 5000], {"accept-encoding": "gzip"}
    plain_mark = (await fit(Answer.of(said), "GET", {})).headers["etag"]
    packed_mark = (await fit(Answer.of(said), "GET", packed)).headers["etag"]
    assert packed_mark == f"W/{plain_mark}"
    for mark in (plain_mark, packed_mark, f'"other", {packed_mark}', "*"):
        again = await fit(Answer.of(said), "GET", {**packed, "if-none-match": mark})
        assert (again.status, again.body) == (304, b"")
        assert "content-type" not in again.headers


async def test_only_looking_is_answered_with_nothing_new():
    done = await fit(Answer.of({"made": True}), "POST", {"if-none-match": "*"})
    assert done.status == 200
    missing = await fit(Answer.of({"made": True}, 404), "GET", {"if-none-match": "*"})
    assert missing.status == 404


async def test_who_has_what_is_there_is_not_sent_it_again_until_it_changes(room):
    token = (await room.house.signed_in("editor"))[1]
    made = await room.ask("POST", "/api/v1/definitions", {"text": TEXT}, token=token)
    first = await room.ask("GET", PATH, token=token)
    mark = first.headers["etag"]
    assert mark.startswith('"1.')
    again = await room.ask("GET", PATH, token=token, if_none_match=mark)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", mark)
    assert first.headers.keys() - again.headers.keys() == {"content-type"}
    published = await room.ask("POST", f"{PATH}/publish", {}, token=token, if_match=made.headers["etag"])
    assert published.status == 200
    live = await room.ask("GET", PATH, token=token, if_none_match=mark)
    assert (live.status, live.json["state"], live.json["revision"]) == (200, "live", 1)


@pytest.mark.parametrize("form", ['"{0}"', "{0}", 'W/"{0}.abc"', '"{0}.a-_9"', ' "{0}" '])
async def test_a_change_names_its_revision_in_any_form_that_it_was_told_in(room, form):
    token = (await room.house.signed_in("editor"))[1]
    await room.ask("POST", "/api/v1/definitions", {"text": TEXT}, token=token)
    changed = {"text": TEXT.replace("hello", "hallo")}
    got = await room.ask("PUT", f"{PATH}/draft", changed, token=token, if_match=form.format(1))
    assert (got.status, got.json["revision"]) == (200, 2)


@pytest.mark.parametrize("form", ['"1', 'w/"1"', '"1.', '"1."', '"1.a b"', '"1", "2"', "*", '"0x1"', '"²"'])
async def test_what_names_no_revision_changes_nothing(room, form):
    token = (await room.house.signed_in("editor"))[1]
    await room.ask("POST", "/api/v1/definitions", {"text": TEXT}, token=token)
    got = await room.ask("PUT", f"{PATH}/draft", {"text": TEXT + "\n"}, token=token, if_match=form)
    assert (got.status, got.json["code"]) == (428, "revision-needed")
