"""The page that makes the first owner (S42, S55)."""

import base64
import hashlib
import re


async def test_nothing_but_the_page_itself_can_run_on_it(room):
    got = await room.ask("GET", "/welcome")
    assert got.status == 200
    page = got.body.decode()
    policy = dict(part.split(" ", 1) for part in got.headers["content-security-policy"].split("; "))
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        told = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert policy[rule] == f"'sha256-{told}'"
    assert (policy["default-src"], policy["frame-ancestors"], policy["form-action"]) == ("'none'",) * 3
    assert re.findall(r"\b(?:src|href|style|on[a-z]+)=", page) == []


async def test_the_token_is_in_no_address_that_is_sent(room):
    page = (await room.ask("GET", "/welcome")).body.decode()
    assert "location.hash" in page
    assert 'history.replaceState(null, "", location.pathname)' in page
    assert (await room.ask("GET", "/welcome?token=auo_x")).status == 422
