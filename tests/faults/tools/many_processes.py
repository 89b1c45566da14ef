"""The program of which several share one database: an engine with its shard keeper, reached through a socket.

    many_processes.py URL SOCKET PORT [LEASE [POOLS]]

Its runs do what those of `six_steps` do; beside them it has `waiting`, which waits for a signal, and `slow`, whose one step
writes and takes as long as the witness does. It says `READY`, and `SHARDS <count>` when it gains or loses some. POOLS are as in
`erp=3,cpu=8`.
"""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from six_steps import OneVersion, make_catalogue, say

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.core.catalogue import Catalogue
from auraos.core.run import Program
from auraos.engine.context import Doors
from auraos.engine.engine import Engine
from auraos.engine.ownership import ShardKeeper, is_alive, this_process
from auraos.engine.pooling import PoolKeeper
from auraos.engine.ports import Version
from auraos.engine.shards import Shards
from auraos.engine.socket import EngineSocket
from auraos.storage.blobs import LocalBlobs
from auraos.storage.postgres import PostgresStore


class Definitions(OneVersion):
    """The six steps as a program of their own, and all else from its text."""

    def __init__(self, catalogue: Any) -> None:
        super().__init__(catalogue)
        self._files = FolderDefinitions(None, catalogue)

    def compile(self, version: Version) -> Program:
        return super().compile(version) if version.hash == "six-1" else self._files.compile(version)


async def main(url: str, socket: Path, port: int, lease: float, pools: dict[str, int]) -> None:
    own = [each for each in make_catalogue(port).all() if each.name.startswith("test.")]
    catalogue = Catalogue([*load_installed().catalogue.all(), *own])
    store = await PostgresStore.open(url)
    nowhere: Any = None
    doors = Doors(
        http=nowhere,
        secrets=nowhere,
        sandbox=nowhere,
        blobs=LocalBlobs(socket.parent / "blobs"),
        redact=lambda v: v,
    )
    shards = Shards(are_shared=True)
    engine = Engine(store, catalogue, Definitions(catalogue), doors, shards=shards, parallel=50, pools=pools)
    shared = PoolKeeper(store.allotments(), engine.granting, this_process(store.token), is_alive=is_alive)

    async def renew(token: str) -> None:
        await store.renew(token)
        shared.renew(token)

    if pools:
        shared.begin()
    keeper = ShardKeeper(store.ownership(), engine.moves, renew, token=store.token, lease=lease)
    engine.moves.on_fenced = keeper.fenced
    await store.hints(engine.moves.hint, lambda: shards.own)
    await engine.open()
    await keeper.start()
    await engine.moves.settled()
    listening = EngineSocket(engine, store, socket)
    await listening.open()
    leave = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leave.set)
    say("READY", str(os.getpid()))
    count = -1
    while not leave.is_set():
        if len(shards.own) != count:
            count = len(shards.own)
            say("SHARDS", str(count))
        try:
            await asyncio.wait_for(leave.wait(), 0.05)
        except TimeoutError:
            continue
    await engine.close(5.0)
    await keeper.leave()
    await shared.leave()
    await listening.close()
    await store.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    given = sys.argv[1:]
    told = dict(each.split("=") for each in given[4].split(",")) if len(given) > 4 else {}
    lease = float(given[3]) if len(given) > 3 else 1.5
    asyncio.run(main(given[0], Path(given[1]), int(given[2]), lease, {name: int(most) for name, most in told.items()}))
