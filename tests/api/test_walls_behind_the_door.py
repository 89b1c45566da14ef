"""The second wall as it is met over HTTP: queries for what somebody asks of runs forgot in which workspace they look (S01)."""

import msgspec
import pytest
from test_run_routes import GREET, PAID, publish, start, tell
from test_stream_topics import Reader

from auraos.security.access.walls import workspace_within
from houses import HOUSE, a_house
from rooms import Room


class Forgetful:
    """Reads what is asked of runs by queries without a workspace, and keeps within which ones it was asked."""

    def __init__(self, reader):
        self._reader = reader
        self.within = set()

    async def all(self, sql, parameters, make, *, page=0):
        self.within.add(workspace_within())
        careless = sql.replace("workspace=?", "(workspace=? or 1=1)")
        return await self._reader.all(careless, parameters, make, page=page)

    async def close(self):
        await self._reader.close()


@pytest.fixture
async def asked(tmp_path, postgres_url):
    """A front door over PostgreSQL, and what reads for those who ask."""
    async with a_house(tmp_path / "house", postgres_url) as house:
        reader = house.store._asked = Forgetful(house.store._asked)
        room = Room(house)
        await room.runs.engine.open()
        yield room, reader
        await room.desk.bulks.close()
        await room.desk.chores.close()
        await room.runs.engine.close()


@pytest.fixture
async def two(asked):
    """For each of two workspaces, what somebody in it comes in by and a run that is over."""
    room, _ = asked
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    found = {}
    for workspace in ("default", "other"):
        _, token = await room.house.signed_in("admin", workspace)
        inside = Inside(room, workspace)
        for text in (GREET, PAID):
            await publish(inside, token, text)
        found[workspace] = (inside, token, (await start(inside, token)).json["run"])
    return found


class Inside(msgspec.Struct):
    """A front door, and a workspace that all is asked in."""

    room: Room
    workspace: str

    async def ask(self, *what, **how):
        return await self.room.ask(*what, workspace=self.workspace, **how)


async def test_no_route_shows_a_run_of_another_workspace(two):
    for here, there in (("default", "other"), ("other", "default")):
        room, token, own = two[here]
        foreign = two[there][2]
        listed = await room.ask("GET", "/api/v1/runs", token=token)
        assert [run["run"] for run in listed.json["items"]] == [own]
        for what in ("", "/journal", "/logs", "/state", "/why", "/definition"):
            assert (await room.ask("GET", f"/api/v1/runs/{own}{what}", token=token)).status == 200, what
            got = await room.ask("GET", f"/api/v1/runs/{foreign}{what}", token=token)
            assert (got.status, got.code) == (404, "not-found"), what
        assert (await room.ask("GET", "/api/v1/runs/1", token=token)).json["run"] == own
        for verb in ("retry", "fork", "cancel"):
            assert (await tell(room, token, foreign, verb)).status == 404, verb
        wish = {"filter": {"state": ["succeeded"]}, "dry_run": True}
        seen = await room.ask("POST", "/api/v1/bulks/fork", wish, token=token)
        assert [run["run"] for run in seen.json["preview"]["runs"]] == [own]


async def test_also_what_goes_on_after_a_request_reads_runs_within_its_workspace(asked, two):
    """Streams, what is done to many runs and an export have tasks of their own."""
    room, reader = asked
    inside, token, run = two["other"]
    reading = Reader(room, token, f"runs/{run}", **{"x-auraos-workspace": "other"})
    assert (await reading.until(1, "end"))[0][2] == {"run": run}
    await start(inside, token, "paid", {}, wait=0)
    got = await inside.ask(
        "POST", "/api/v1/bulks/cancel?wait=10", {"filter": {"workflow": "paid"}}, token=token
    )
    assert (got.json["state"], got.json["done"]) == ("over", 1)
    chore = await room.desk.chores.export(HOUSE, "other", "")
    assert (await room.desk.chores.settled(chore.id)).state == "done"
    assert reader.within == {"other"}
