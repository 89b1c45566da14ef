"""What a client does when the way to the server breaks: it asks again where that is safe, and says so where it is not."""

import pytest
from aiohttp import web

from auraos.client import Client, NoServerThereError, ProblemError, UnknownOutcomeError
from cutting_proxy import cutting
from kept_definitions import workflow


@pytest.fixture
async def proxied(room, address):
    """A proxy in front of the server, and a client that comes through it."""
    _, token = await room.house.signed_in("admin")
    async with cutting(address) as proxy, Client(proxy.url, token) as client:
        yield proxy, client


async def test_a_run_whose_answer_was_lost_is_asked_for_again_and_is_started_once(proxied):
    proxy, client = proxied
    made = await client.definitions.create_definition(text=workflow())
    await client.definitions.publish_definition("workflow", made.name, revision=made.revision)
    proxy.cuts = 2
    run = await client.runs.start_run(made.name, idempotency_key="order-7", wait=10)
    assert (proxy.cuts, run.state) == (0, "succeeded")
    asked = [each for each in proxy.requests if each.startswith(b"POST /api/v1/workflows/")]
    assert len(asked) == 3
    assert [one.run async for one in client.runs.all_runs()] == [run.run]


async def test_a_call_that_can_be_done_once_gets_a_key_where_none_is_given(proxied):
    proxy, client = proxied
    made = await client.definitions.create_definition(text=workflow())
    await client.definitions.publish_definition("workflow", made.name, revision=made.revision)
    proxy.cuts = 1
    first = await client.runs.start_run(made.name, wait=10)
    second = await client.runs.start_run(made.name, wait=10)
    proxy.cuts = 1
    forked = await client.runs.fork_run(first.run, start_at="a")
    assert {one.run async for one in client.runs.all_runs()} == {first.run, second.run, forked.run}


async def test_what_may_have_been_done_and_has_no_key_is_not_done_again(proxied):
    proxy, client = proxied
    await client.health.show_live()
    proxy.cuts = 1
    with pytest.raises(UnknownOutcomeError, match="no whole answer came"):
        await client.definitions.create_definition(text=workflow())
    assert [one.name async for one in client.definitions.all_definitions()] == ["greet"]


async def test_what_only_reads_is_asked_again(proxied):
    proxy, client = proxied
    await client.definitions.create_definition(text=workflow())
    proxy.cuts = 2
    assert (await client.definitions.list_definitions()).items[0].name == "greet"


async def test_events_go_on_after_the_last_one_that_came_and_none_comes_twice(proxied):
    proxy, client = proxied
    made = await client.definitions.create_definition(text=workflow())
    await client.definitions.publish_definition("workflow", made.name, revision=made.revision)
    run = await client.runs.start_run(made.name, wait=10)
    proxy.cut_at = b"id: 2\n"
    told = [event async for event in client.stream.follow_topic(topic=f"runs/{run.run}")]
    facts = [one async for one in client.runs.all_facts(run.run)]
    assert proxy.cut_at == b""
    assert [event.id for event in told if event.kind == "fact"] == [one.seq for one in facts]
    assert told[-1].kind == "end"
    assert any(b"last-event-id: 1" in each.lower() for each in proxy.requests)


async def odd_server(*answers):
    """Return the runner and the address of a server that gives these answers, one after another."""
    left = list(answers)
    asked = []

    async def answer(request):
        asked.append(request.path)
        return left.pop(0) if len(left) > 1 else left[0]

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}", asked


def trouble(status, code, **headers):
    body = {"title": "-", "status": status, "code": code, "detail": "Not now."}
    return web.json_response(body, status=status, content_type="application/problem+json", headers=headers)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_call_waits_as_long_as_it_is_told_to(status):
    there = web.json_response({"owned": True})
    runner, url, asked = await odd_server(trouble(status, "not-ready", **{"Retry-After": "0"}), there)
    async with Client(url) as client:
        assert (await client.sign_in.show_owner()).owned is True
    assert len(asked) == 2
    await runner.cleanup()


async def test_a_call_that_would_have_to_wait_longer_than_its_patience_says_so_at_once():
    runner, url, asked = await odd_server(trouble(429, "too-many-requests", **{"Retry-After": "3600"}))
    async with Client(url, patience=1) as client:
        with pytest.raises(ProblemError) as refused:
            await client.sign_in.show_owner()
    assert (refused.value.code, refused.value.retry_after, len(asked)) == ("too-many-requests", 3600, 1)
    await runner.cleanup()


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(text="<html>Welcome</html>", content_type="text/html"),
        lambda: web.Response(status=404, text="nothing here"),
        lambda: web.Response(status=302, headers={"Location": "https://sso.example.com/"}),
        lambda: web.json_response({"hello": "world"}),
        lambda: web.Response(text="[", content_type="application/problem+json", status=500),
    ],
)
async def test_what_is_no_server_of_auraos_is_told_as_that_and_gets_no_second_look(answer):
    runner, url, asked = await odd_server(answer())
    async with Client(url, "a-key") as client:
        with pytest.raises(NoServerThereError):
            await client.sign_in.show_owner()
    assert asked == ["/api/v1/owner"]
    await runner.cleanup()
