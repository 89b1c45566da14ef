"""A power cut at any moment of a run (R02, R03): what was acknowledged is there, and the database is whole."""

import random
from pathlib import Path

import msgspec
import pytest
from powercut import Event, events_before, image, look_at_disk, record, said
from syscalls import HAS_STRACE
from witness import Witness

PROGRAM = Path(__file__).parent / "tools" / "six_steps.py"

pytestmark = pytest.mark.skipif(not HAS_STRACE, reason="strace is not installed")


class Tally(msgspec.Struct):
    """What was found in the images, and what the images were."""

    images: int = 0
    acknowledged: int = 0
    torn: int = 0
    lost: int = 0
    damaged: int = 0


@pytest.fixture
def recorded(folder: Path, witness: Witness) -> tuple[list[Event], dict[str, bytes]]:
    """Return what a run did to its folder, and the folder as it was before."""
    before = {str(file): file.read_bytes() for file in folder.iterdir() if file.is_file()}
    events = record(PROGRAM, [str(folder), str(witness.port), "start"], folder)
    return events, before


def test_no_power_cut_loses_an_acknowledged_run_or_damages_the_database(
    recorded: tuple[list[Event], dict[str, bytes]], tmp_path: Path
) -> None:
    events, before = recorded
    chance, tally = random.Random(7), Tally()
    start = events_before(before)
    for number in range(150):
        moment = chance.randrange(1, len(events) + 1)
        keep = chance.choice(["none", "some"])
        files = image(start + events[:moment], keep, chance)
        verdict, runs = look_at_disk(files, tmp_path / f"image{number}")
        acknowledged = {
            line.split()[1] for line in said(events[:moment]).splitlines() if line.startswith("ACK")
        }
        tally.images += 1
        tally.acknowledged += bool(acknowledged)
        tally.torn += keep == "some"
        tally.lost += not acknowledged <= runs
        tally.damaged += verdict != "ok"
    assert (tally.images, tally.lost, tally.damaged) == (150, 0, 0)
    assert tally.acknowledged > 50
    assert tally.torn > 50
