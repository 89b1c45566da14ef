"""What a server has bounds for: how large a value may be, and how full its disk."""

import pytest

from faults import needs
from server_process import WAITING, Server

GROWING = """kind: workflow
name: growing
spec:
  input: {type: object, properties: {times: {type: integer}, text: {type: string}}}
  steps:
    grow:
      type: code.python
      with: {code: "['much'] * times", inputs: {times: "{{ input.times }}"}}
  output: "{{ len(steps.grow) }}"
"""


@pytest.fixture
def bounded(auraos):
    auraos.write("growing.yaml", GROWING)
    opened = Server(auraos, "--largest-value", "2KB")
    yield auraos
    opened.kill()


def test_an_input_beyond_the_largest_value_is_refused_and_the_option_is_named(bounded):
    refused = bounded("start", "growing.yaml", "--input", "times=1", "--input", f"text={'x' * 2100}")
    assert refused.code == 2
    assert "a value may have 2,000" in refused.err
    assert "auraos serve --largest-value" in refused.err
    assert (
        bounded("start", "growing.yaml", "--input", "times=1", "--input", f"text={'x' * 1900}", "--wait").code
        == 0
    )


def test_an_output_beyond_the_largest_value_fails_its_step(bounded):
    assert bounded("start", "growing.yaml", "--input", "times=200", "--wait").out == "200\n"
    failed = bounded("start", "growing.yaml", "--input", "times=500", "--wait")
    assert failed.code == 1
    assert "a value may have 2,000" in failed.err


def test_a_size_that_is_none_is_refused_before_anything_begins(auraos):
    refused = auraos("serve", "--largest-value", "much")
    assert refused.code == 2
    assert "'much' is no size." in refused.err
    assert not (auraos.folder / ".auraos").exists()


@needs.namespaces
def test_the_status_warns_of_a_disk_that_fills_while_runs_are_still_started(auraos):
    room = auraos.folder / "room"
    room.mkdir()
    fill = (
        f'mount -t tmpfs -o size=80m none "{room}" && head -c 70M /dev/zero > "{room}/filling" && exec "$@"'
    )
    server = Server(auraos, "--data", str(room / "data"), before=["unshare", "-Urm", "sh", "-c", fill, "sh"])
    try:
        data = f"/proc/{server.process.pid}/root{room}/data"
        shown = auraos("engine", "status", "--data", data)
        assert shown.code == 0, shown.err
        assert "% full; runs are still started." in shown.out
        assert auraos("engine", "status", "--data", data, "--json").json["disk"].startswith("The disk under")
        assert auraos("start", auraos.write("waiting.yaml", WAITING), "--data", data).code == 0
    finally:
        server.kill()
