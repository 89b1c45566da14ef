"""The way out leaves a host alone that keeps failing: real requests to servers that misbehave (C13, R47)."""

import asyncio
import time
from datetime import timedelta

import pytest
from local_servers import Server, always, answer, by_path, listening

from auraos.engine.pulse import Pulse
from auraos.sdk import StepFailed, StepUnknown
from auraos.security.circuit import Circuits
from auraos.security.egress import Egress

SHORT = timedelta(milliseconds=200)


class Watch:
    """A clock in seconds that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def open_to(server: Server, watch: Watch | None = None) -> Egress:
    circuits = Circuits(failures=3, now=watch or Watch(), chance=lambda: 0.0)
    return Egress([f"127.0.0.1:{server.port}"], circuits=circuits)


async def outcome(egress: Egress, url: str, method: str = "GET", **options) -> str:
    """Return the status of an answer, or the code of the failure; a `?` marks an unknown outcome."""
    try:
        async with egress.request(method, url, **options) as reply:
            return str(reply.status)
    except StepUnknown as unknown:
        return f"{unknown.error_code}?"
    except StepFailed as failed:
        return failed.error_code


async def outcomes(egress: Egress, url: str, count: int, **options) -> list[str]:
    return [await outcome(egress, url, **options) for _ in range(count)]


def hold_up(seconds: float) -> None:
    time.sleep(seconds)


async def hang(request, writer):
    await asyncio.Event().wait()


async def hang_up(request, writer):
    writer.transport.abort()


async def test_after_some_5xx_in_a_row_nothing_is_sent_any_more():
    async with listening(always(answer(500))) as server, open_to(server) as egress:
        told = await outcomes(egress, server.url, 5)
    assert told == ["500", "500", "500", "host-resting", "host-resting"]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("respond", "options", "code"),
    [(hang, {"timeout": SHORT}, "timeout?"), (hang_up, {}, "connection-lost?")],
)
async def test_no_answer_in_time_and_a_connection_that_breaks_are_failures_of_the_host(
    respond, options, code
):
    async with listening(respond) as server, open_to(server) as egress:
        told = await outcomes(egress, server.url, 4, method="POST", **options)
        arrived = len(server.requests)
    assert (told, arrived) == ([code] * 3 + ["host-resting"], 3)


async def test_a_port_where_nobody_listens_is_left_alone_too():
    async with listening(always(answer())) as server:
        url = server.url
    async with open_to(server) as egress:
        assert await outcomes(egress, url, 4) == ["cannot-connect"] * 3 + ["host-resting"]


@pytest.mark.parametrize("status", [200, 404, 401, 429])
async def test_answers_that_are_no_failure_of_the_host_go_on_for_ever(status):
    async with listening(always(answer(status))) as server, open_to(server) as egress:
        assert await outcomes(egress, server.url, 8) == [str(status)] * 8


async def test_a_host_that_asks_to_be_left_alone_is_at_once():
    busy = answer(429, Retry_After="20")
    async with listening(always(busy)) as server, open_to(server) as egress:
        assert await outcomes(egress, server.url, 3) == ["429", "host-resting", "host-resting"]
        with pytest.raises(StepFailed) as refused:
            async with egress.request("POST", server.url):
                pass
    assert refused.value.retry_after == timedelta(seconds=20)
    assert len(server.requests) == 1


async def test_after_the_rest_one_probe_goes_out_and_its_success_lets_all_go_on():
    watch = Watch()
    respond = always(answer(500))
    async with listening(respond) as server, open_to(server, watch) as egress:
        assert await outcomes(egress, server.url, 4) == ["500", "500", "500", "host-resting"]
        watch.seconds += 10
        assert await outcomes(egress, server.url, 2) == ["500", "host-resting"]
        server.respond = always(answer(200))
        watch.seconds += 20
        assert await outcomes(egress, server.url, 3) == ["200", "200", "200"]


async def test_of_many_at_once_only_one_probes():
    watch = Watch()
    async with listening(always(answer(500))) as server, open_to(server, watch) as egress:
        await outcomes(egress, server.url, 3)
        watch.seconds += 10
        told = await asyncio.gather(*(outcome(egress, server.url) for _ in range(20)))
    assert (told.count("500"), told.count("host-resting")) == (1, 19)


class Gate:
    """What a server does with one request: it says that the request arrived, and answers when it is opened."""

    def __init__(self, then: bytes) -> None:
        self.arrived, self.opened, self.then = asyncio.Event(), asyncio.Event(), then

    async def __call__(self, request, writer):
        self.arrived.set()
        await self.opened.wait()
        writer.write(self.then)


@pytest.mark.parametrize(("brings", "told"), [(200, ["200"] * 20), (500, ["500"] + ["host-resting"] * 19)])
async def test_who_comes_while_one_probes_waits_for_what_it_brings(brings, told):
    watch, gate = Watch(), Gate(answer(brings))
    async with listening(always(answer(500))) as server, open_to(server, watch) as egress:
        await outcomes(egress, server.url, 3)
        watch.seconds += 10
        server.respond = gate
        asked = [asyncio.create_task(outcome(egress, server.url)) for _ in range(20)]
        await gate.arrived.wait()
        done, _ = await asyncio.wait(asked, timeout=0.1)
        assert (len(done), len(server.requests)) == (0, 4)
        gate.opened.set()
        assert sorted(await asyncio.gather(*asked)) == told


async def test_when_a_probe_is_cancelled_one_of_those_who_waited_for_it_probes_and_the_others_wait_for_that_one():
    watch, first, second = Watch(), Gate(b""), Gate(answer(200))
    async with listening(always(answer(500))) as server, open_to(server, watch) as egress:
        await outcomes(egress, server.url, 3)
        watch.seconds += 10
        server.respond = first
        probe = asyncio.create_task(outcome(egress, server.url))
        await first.arrived.wait()
        asked = [asyncio.create_task(outcome(egress, server.url)) for _ in range(5)]
        await asyncio.sleep(0)
        server.respond = second
        probe.cancel()
        await second.arrived.wait()
        done, _ = await asyncio.wait(asked, timeout=0.1)
        assert (len(done), len(server.requests)) == (0, 5)
        second.opened.set()
        assert await asyncio.gather(*asked) == ["200"] * 5


async def test_who_waits_for_a_probe_waits_for_half_of_its_own_time_and_then_nothing_was_sent():
    watch, gate = Watch(), Gate(answer(200))
    async with listening(always(answer(500))) as server, open_to(server, watch) as egress:
        await outcomes(egress, server.url, 3)
        watch.seconds += 10
        server.respond = gate
        probe = asyncio.create_task(outcome(egress, server.url))
        await gate.arrived.wait()
        began = asyncio.get_running_loop().time()
        assert await outcome(egress, server.url, "POST", timeout=2 * SHORT) == "host-resting"
        assert asyncio.get_running_loop().time() - began >= SHORT.total_seconds()
        gate.opened.set()
        assert (await probe, len(server.requests)) == ("200", 4)


async def test_a_probe_that_lasts_too_long_is_waited_for_no_longer():
    watch, gate = Watch(), Gate(answer(200))
    async with listening(always(answer(500))) as server, open_to(server, watch) as egress:
        await outcomes(egress, server.url, 3)
        watch.seconds += 10
        server.respond = gate
        probe = asyncio.create_task(outcome(egress, server.url))
        await gate.arrived.wait()
        watch.seconds += 10
        async with asyncio.timeout(5):
            assert await outcome(egress, server.url) == "host-resting"
        gate.opened.set()
        assert await probe == "200"


async def test_a_cancelled_probe_leaves_the_probing_to_the_next_one():
    watch = Watch()
    async with listening(always(answer(500))) as server, open_to(server, watch) as egress:
        await outcomes(egress, server.url, 3)
        watch.seconds += 10
        arrived = asyncio.Event()

        async def hold(request, writer):
            arrived.set()
            await hang(request, writer)

        server.respond = hold
        probe = asyncio.create_task(outcome(egress, server.url))
        await arrived.wait()
        probe.cancel()
        await asyncio.wait([probe])
        server.respond = always(answer(200))
        assert await outcome(egress, server.url) == "200"


async def test_another_host_is_not_concerned():
    async with listening(always(answer(500))) as bad, listening(always(answer(200))) as good:
        circuits = Circuits(failures=3)
        async with Egress([f"127.0.0.1:{bad.port}", f"127.0.0.1:{good.port}"], circuits=circuits) as egress:
            await outcomes(egress, bad.url, 3)
            assert await outcome(egress, bad.url) == "host-resting"
            assert await outcome(egress, good.url) == "200"


async def test_a_write_whose_redirect_leads_to_a_resting_host_is_unknown_for_it_was_taken():
    async with listening(always(answer(500))) as bad:
        takes = by_path(take=answer(303, Location=f"{bad.url}/there"))
        async with listening(takes) as good:
            opened = [f"127.0.0.1:{bad.port}", f"127.0.0.1:{good.port}"]
            async with Egress(opened, circuits=Circuits(failures=1)) as egress:
                await outcome(egress, bad.url)
                assert await outcome(egress, f"{good.url}/take", method="POST") == "host-resting?"
    assert len(bad.requests) == 1


async def test_a_blocked_destination_stays_blocked_and_never_rests():
    async with Egress(circuits=Circuits(failures=1)) as egress:
        assert await outcomes(egress, "http://127.0.0.1:9/", 3) == ["blocked-destination"] * 3


@pytest.mark.parametrize("stands_still", [0.0, 0.5])
async def test_a_request_whose_time_ran_out_while_the_process_stood_still_is_not_sent_any_more(stands_still):
    """The connection is there already, so nothing is waited for between the standstill and the first byte."""
    stops = iter([0.0, stands_still, 0.0])

    async def look_up(host, port):
        hold_up(next(stops))
        return ["127.0.0.1"]

    pulse = Pulse(longest=0.2, every=0.05)
    pulse.start()
    async with listening(always(answer())) as server:
        url, circuits = f"http://shop.example:{server.port}/", Circuits(woke=pulse.woke)
        async with Egress([f"shop.example:{server.port}"], lookup=look_up, circuits=circuits) as egress:
            told = []
            for _ in range(3):
                try:
                    async with asyncio.timeout(0.3):
                        told.append(await outcome(egress, url))
                except TimeoutError:
                    told.append("cut")
        arrived = len(server.requests)
    pulse.stop()
    assert (told, arrived) == ((["200", "cut", "200"], 2) if stands_still else (["200"] * 3, 3))
