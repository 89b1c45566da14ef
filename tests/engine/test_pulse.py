"""The pulse says when a loop went on after it stood still, and nothing of one that only had much to do."""

import asyncio
import math
import time

from auraos.engine.pulse import Pulse


def stand_still(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_loop_that_comes_round_never_stood_still() -> None:
    pulse = Pulse(longest=5.0, every=0.01)
    pulse.start()
    await asyncio.sleep(0.1)
    assert pulse.silence < 5.0
    assert pulse.woke() == -math.inf
    pulse.stop()


async def test_what_is_ready_when_the_loop_goes_on_hears_of_it_and_so_does_what_comes_later() -> None:
    pulse = Pulse(longest=0.1, every=0.02)
    pulse.start()
    await asyncio.sleep(0)
    stand_still(0.3)
    woke = time.monotonic()
    assert pulse.woke() >= woke
    await asyncio.sleep(0.05)
    later = pulse.woke()
    await asyncio.sleep(0.05)
    assert woke <= later <= time.monotonic() - 0.05
    assert pulse.woke() == later
    pulse.stop()


async def test_a_pulse_that_does_not_beat_says_nothing() -> None:
    pulse = Pulse(longest=0.01, every=0.005)
    stand_still(0.05)
    assert pulse.woke() == -math.inf
    pulse.start()
    pulse.stop()
    stand_still(0.05)
    assert pulse.woke() == -math.inf
