"""The watchdog says what holds the loop up, once, and that it is free again."""

import asyncio
import logging
import time
from typing import Any

import pytest

from auraos.engine.watchdog import Watchdog


def reckon_for(seconds: float) -> None:
    time.sleep(seconds)


def told(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.getMessage() == message]


async def test_what_holds_the_loop_up_is_named_once_and_its_end_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watchdog = Watchdog(longest=0.1)
    with caplog.at_level(logging.WARNING, logger="auraos.engine"):
        watchdog.start()
        await asyncio.sleep(0.3)
        assert told(caplog, "loop.stuck") == []
        reckon_for(0.6)
        for _ in range(200):
            if told(caplog, "loop.free"):
                break
            await asyncio.sleep(0.02)
        watchdog.stop()
    (stuck,) = told(caplog, "loop.stuck")
    assert stuck["where"].startswith("reckon_for (")
    assert stuck["seconds"] >= 0.1
    assert len(told(caplog, "loop.free")) == 1
