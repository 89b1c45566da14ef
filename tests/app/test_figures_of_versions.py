"""How many runs of a version succeeded, of those that came to an end of their own."""

import pytest

from auraos.app.runs.figures import _version_figures
from auraos.engine.counting import RunsCounted, spread_of


@pytest.mark.parametrize(
    ("states", "over", "success"),
    [
        ({"succeeded": 1, "moved": 1}, 2, 100.0),
        ({"succeeded": 1, "failed": 1, "moved": 2, "running": 3}, 4, 50.0),
        ({"moved": 1}, 1, None),
        ({"running": 1}, 0, None),
    ],
)
def test_a_run_that_was_moved_is_no_failure(states, over, success):
    counted = RunsCounted(version="", states=states, took=spread_of([5] * over))
    assert _version_figures(counted, [], {}).success == success
