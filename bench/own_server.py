"""A server of `auraos serve` in a process of its own, as the benchmarks ask it over HTTP."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE = 60.0
PASSWORD = "a long way home"
STEPS = "\n".join(
    f"    s{n}: {{type: noop, with: {{value: '{{{{ {f'steps.s{n - 1}' if n else 'input.n'} + 1 }}}}'}}}}"
    for n in range(10)
)
TEN = f"""kind: workflow
name: ten
spec:
  input: {{type: object, properties: {{n: {{type: integer}}}}}}
  steps:
{STEPS}
  links: [{", ".join(f"s{n} -> s{n + 1}" for n in range(9))}]
  output: "{{{{ steps.s9 }}}}"
"""


@contextlib.contextmanager
def serving(folder: str, database: str = "") -> Iterator[tuple[str, str]]:
    """Serve a data folder, or a database; give its address and a session of its owner."""
    command = [sys.executable, "-m", "auraos", "serve", "--data", f"{folder}/data", "--port", "0", "--json"]
    environment = {**os.environ, "AURAOS_STATE_HOME": f"{folder}/state"}
    with (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *(["--database", database] if database else [])],
            env=environment, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        told = ""
        while not told.endswith("}\n"):
            line = process.stdout.readline()
            if not line:
                raise RuntimeError((Path(folder) / "log").read_text(encoding="utf-8"))
            told += line
        ready = json.loads(told)
        claim = {"token": ready["first_owner"], "name": "ada", "password": PASSWORD, "carry": "token"}
        yield ready["url"], ask(ready["url"], "", "POST", "/owner", claim)["token"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE)


def publish(url: str, token: str, **headers: str) -> None:
    """Publish the workflow of ten pure steps."""
    made = ask(url, token, "POST", "/definitions", {"text": TEN}, **headers)
    revision = f'"{made["revision"]}"'
    ask(url, token, "POST", "/definitions/workflow/ten/publish", {}, If_Match=revision, **headers)


def ask(url: str, token: str, method: str, path: str, body: Any, **headers: str) -> Any:
    """Return what the server answers."""
    request = urllib.request.Request(f"{url}/api/v1{path}", json.dumps(body).encode(), method=method)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.loads(answer.read())
