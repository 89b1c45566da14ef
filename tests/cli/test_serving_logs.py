"""The log of a serving process: whoever logs is never held up, not even by itself."""

import base64
import json
import subprocess
import sys

import pytest

INTERRUPTED = """
import logging, signal
from auraos.cli.serving_logs import Logs

logs, log, heard = Logs("text", lambda value: value), logging.getLogger("auraos.test"), []
logs.open()

def hear(*_):
    heard.append(1)
    log.info("heard")

signal.signal(signal.SIGALRM, hear)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
while len(heard) < 1000:
    log.info("said")
signal.setitimer(signal.ITIMER_REAL, 0)
logs.close()
"""


def test_a_line_that_comes_amid_another_of_the_same_thread_holds_nothing_up() -> None:
    """So do lines of signals, and of what is told when an object is thrown away, whatever the thread was just doing."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert "auraos" not in done.stdout
    assert done.stderr.count("heard") > 100


CANARY = """
import base64, logging
from auraos.cli.serving_logs import Logs
from auraos.security.redaction import Redactor

secret = "canary-" + "7f3a9c" * 4
redactor = Redactor()
redactor.add(secret)
logs = Logs(FORM, redactor.redact, level="debug")
logs.open()
log = logging.getLogger("auraos.test")
log.debug("said %s", secret)
log.info("told", extra={"url": f"https://x.test/?key={secret}", "more": {"a": [secret]}, "bytes": secret.encode()})
log.info("long", extra={"padded": "x" * 8180 + secret})
log.info("encoded", extra={"header": "Basic " + base64.b64encode(secret.encode()).decode()})
try:
    raise ValueError(f"no {secret} here")
except ValueError:
    log.exception("broke")
log.info("line\\nend\\x1b[31m", extra={"name_of": "a\\r\\nb"})
logs.close()
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_line_shows_a_secret_in_any_form(form: str) -> None:
    """S10, S52."""
    code = CANARY.replace("FORM", repr(form)).replace("\\\\", "\\")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    lines = done.stderr.splitlines()
    assert "7f3a9c" not in done.stderr
    assert base64.b64encode(b"canary-7f3a9c").decode()[:-4] not in done.stderr
    assert "\x1b" not in done.stderr
    assert len([line for line in lines if not line.startswith("    ")]) == 6
    assert "broke" in done.stderr


def test_a_line_is_one_json_object_that_names_what_it_is_about() -> None:
    code = """
import logging
from auraos.cli.serving_logs import Logs
from auraos.observability.about import ABOUT

class Work:
    def told(self):
        return {"run": "r-1", "workspace": "default", "step": "a/b", "attempt": "2"}

logs = Logs("json", lambda value: value, level="warning")
logs.open()
ABOUT.set(Work())
logging.getLogger("auraos.test").info("left.out")
logging.getLogger("auraos.test").warning("kept", extra={"step": "own"})
logs.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    (line,) = done.stderr.splitlines()
    told = json.loads(line)
    assert (told["event"], told["level"], told["run"], told["attempt"]) == ("kept", "warning", "r-1", "2")
    assert told["step"] == "own"
