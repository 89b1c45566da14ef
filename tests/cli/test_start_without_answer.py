"""`auraos start` where the answer is lost: the id is told under which the run may be asked for again."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from auraos.cli import start
from auraos.cli.front import run_command
from auraos.engine import asks
from auraos.engine.ports import StoreUnavailableError

Answers = Callable[[asks.AnyAsk], bytes]


class Listener:
    """A process behind `engine.sock` that notes which runs are asked for; what it says to a start is given."""

    def __init__(self, data: Path, to_start: Answers) -> None:
        self.asked: list[str] = []
        self._to_start = to_start
        data.mkdir()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(data / "engine.sock"))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as lines:
                for line in lines:
                    answer = self._answer(msgspec.json.decode(line, type=asks.AnyAsk))
                    if not answer:
                        break
                    lines.write(answer + b"\n")
                    lines.flush()

    def _answer(self, ask: asks.AnyAsk) -> bytes:
        if isinstance(ask, asks.Find):
            return b'{"number": %d, "ok": null}' % ask.number
        assert isinstance(ask, asks.Start)
        self.asked.append(ask.run)
        return self._to_start(ask)


def hang_up(_: asks.AnyAsk) -> bytes:
    return b""


def refuse_for_the_store(ask: asks.AnyAsk) -> bytes:
    told = asks.tell(StoreUnavailableError("The disk is gone."))
    return msgspec.json.encode(asks.Answer(number=ask.number, error=told))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "LONG_WAIT", 0.5)


@pytest.fixture(params=[hang_up, refuse_for_the_store])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    listening = Listener(tmp_path / "data", request.param)
    yield listening
    listening.close()


def test_a_start_without_an_answer_names_its_id_and_how_to_ask_again(
    listener: Listener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["start", "greet", "--data", str(tmp_path / "data")]) == 4
    (run,) = set(listener.asked)
    told = capsys.readouterr().err
    assert f"error[start-unknown]: Run {run} was asked for and no answer came" in told
    assert f"Ask again with --id {run}: it is not started twice." in told


def test_a_start_under_an_id_of_ones_own_asks_for_that_one_only(
    listener: Listener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["start", "greet", "--id", "order-7", "--data", str(tmp_path / "data"), "--json"]
    assert run_command(words) == 4
    assert set(listener.asked) == {"order-7"}
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["data"]) == ("start-unknown", {"run": "order-7"})
