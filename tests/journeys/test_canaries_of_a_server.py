"""S10, S51: what a server was given to keep and runs have used stands nowhere: in no answer of any route, no event, no figure, no
log, no export, no file of the data folder, no table of the database, no backup, and in no process that the server began.

The other side gives all that it was sent away again, in every form. The routes are those of the description of the API: a new
one is held here without a word.
"""

import asyncio
import base64
import http.client
import io
import json
import re
import secrets
import zipfile
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote, urlsplit

import asyncpg
import pytest

from canary_forms import found_below, found_in, told
from served_house import ServedHouse
from server_process import answering

SECRETS = "/api/v1/secrets"
ASKING = """kind: workflow
name: {name}
spec:
  steps:
    ask:
      type: http.request
      with: {{url: "{url}/{path}", secret: {name}, redirects: true}}
    tell: {{type: log, with: {{message: "it says {{{{ steps.ask }}}}"}}}}
    look: {{type: code.python, with: {{code: "steps", inputs: {{steps: "{{{{ steps.ask }}}}"}}}}}}
  links: [ask -> tell, tell -> look]
  output: "{{{{ steps.look }}}}"
"""
SIGNING = """kind: workflow
name: sign
spec:
  steps:
    sign: {type: crypto.hmac, with: {value: "{{ input }}", secret: sign}}
  output: "{{ steps.sign.signature }}"
"""


class Traitor(BaseHTTPRequestHandler):
    """Answers with all that it was given."""

    def do_GET(self) -> None:
        carried = [
            value for name, value in self.headers.items() if name.lower() in ("authorization", "x-api-key")
        ]
        values = []
        for each in carried:
            scheme, _, rest = each.partition(" ")
            values += [base64.b64decode(rest).decode()] if scheme == "Basic" else [rest or each]
        self.server.seen += values
        body = "\n".join(told(value) for value in values).encode()
        self.send_response({"/refuse": 403, "/break": 500}.get(self.path, 200))
        self.send_header("Content-Type", "text/plain")
        self.send_header("X-Echo", " ".join(quote(value) for value in values))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def canary() -> str:
    """Return one that may stand in a header as it is."""
    return f"{secrets.token_hex(8)}+/{secrets.token_urlsafe(9)}&="


@pytest.fixture
def traitor():
    with answering(Traitor, seen=[]) as server:
        server.url = f"http://127.0.0.1:{server.server_port}"
        yield server


@pytest.fixture
def canaries():
    return {
        name: canary()
        for name in ("bearer", "basic", "header", "refused", "broken", "environ", "sign", "file")
    }


@pytest.fixture(params=["sqlite", "postgres"])
def house(request, auraos, traitor, canaries):
    """Return a server that says all that it can in its log, on either database."""
    if request.param == "postgres":
        auraos.environment |= {"AURAOS_DATABASE": request.getfixturevalue("postgres_url")}
    files = auraos.folder / "given" / "default"
    files.mkdir(parents=True)
    (files / "file").write_text(canaries["file"])
    auraos.environment |= {
        "AURAOS_SECRET_ENVIRON": canaries["environ"],
        "AURAOS_HOSTS_ENVIRON": "127.0.0.1",
        "AURAOS_FILES_OF_SECRETS": str(auraos.folder / "given"),
    }
    opened = ServedHouse(
        auraos,
        "--allow-net",
        f"127.0.0.1:{traitor.server_port}",
        "--log-level",
        "debug",
        "--log-format",
        "json",
    )
    yield opened
    opened.end()


def keep_all(house: ServedHouse, canaries: dict[str, str], url: str) -> None:
    """Keep a secret of each kind, and publish a workflow for each."""
    credentials = {
        "bearer": {"kind": "bearer", "token": canaries["bearer"]},
        "basic": {"kind": "basic", "user": "me", "password": canaries["basic"]},
        "header": {"kind": "header", "name": "X-Api-Key", "value": canaries["header"]},
        "refused": {"kind": "bearer", "token": canaries["refused"]},
        "broken": {"kind": "bearer", "token": canaries["broken"]},
    }
    for name, credential in credentials.items():
        value = {"credential": credential, "hosts": ["127.0.0.1"]}
        house.ask("POST", SECRETS, {"name": name, "value": value}, status=201)
    signing = {"credential": {"kind": "hmac", "key": canaries["sign"]}, "hosts": ["@local"]}
    house.ask("POST", SECRETS, {"name": "sign", "value": signing}, status=201)
    kept = {"source": {"from": "file", "path": "file"}, "kind": "bearer", "hosts": ["127.0.0.1"]}
    house.ask("POST", SECRETS, {"name": "file", "value": kept}, status=201)
    for name in (*credentials, "environ", "file"):
        path = {"refused": "refuse", "broken": "break"}.get(name, "say")
        house.publish(ASKING.format(name=name, url=url, path=path))
    house.publish(SIGNING)


def all_answers(house: ServedHouse, run: str) -> dict[str, bytes]:
    """Return what every route answers that only reads, for a definition, a secret and a run that are there."""
    found: dict[str, bytes] = {}
    described = house.ask("GET", "/api/v1/openapi.json")
    given = {"kind": "workflow", "name": "bearer", "run": run, "version": "1", "revision": "1", "seq": "1"}
    for path, methods in described["paths"].items():
        if "get" not in methods or path.startswith("/api/v1/stream"):
            continue
        at = re.sub(r"\{([a-z_]+)\}", lambda part: given.get(part[1], "1"), path)
        if at.endswith("/diff"):
            at += "?before=1&after=draft"
        _, headers, body = house.send("GET", at)
        found[at] = body + repr(headers).encode()
    for name in ("bearer", "basic", "sign"):
        found[f"secret {name}"] = house.send("GET", f"{SECRETS}/{name}")[2]
    for form in ("jsonl", "csv", "cef"):
        found[f"audit {form}"] = house.send("GET", f"/api/v1/installation/audit/export?form={form}")[2]
    bundle = house.send("GET", "/api/v1/definitions/export?of=live")[2]
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        found["bundle"] = b"".join(archive.read(name) for name in archive.namelist())
    found["stream"] = streamed(house, run)
    return found


def streamed(house: ServedHouse, run: str) -> bytes:
    """Return what a reader of a run is told as events."""
    parts: list[bytes] = []
    with closing(http.client.HTTPConnection(urlsplit(house.server.url).netloc, timeout=2)) as connection:
        headers = {"Authorization": f"Bearer {house.token}", "Last-Event-ID": "0"}
        connection.request("GET", f"/api/v1/stream?topic=runs/{run}", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        with suppress(TimeoutError):
            while part := answer.read1(65536):
                parts.append(part)
    assert parts
    return b"".join(parts)


async def dumped(url: str) -> bytes:
    """Return all rows of all tables of a database."""
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch("select tablename from pg_tables where schemaname='public'")
        rows = [await connection.fetch(f'select * from "{name[0]}"') for name in names]
        values = [value for found in rows for row in found for value in row.values()]
        return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
    finally:
        await connection.close()


def begun_by(process: int) -> list[Path]:
    """Return the processes that one began, and those that these began, as folders of /proc."""
    found = [Path(f"/proc/{process}")]
    for parent in found:
        for task in (parent / "task").glob("*/children"):
            with suppress(OSError):
                found += [Path(f"/proc/{child}") for child in task.read_text().split()]
    return found[1:]


def test_what_a_server_keeps_and_uses_stands_nowhere(house, auraos, traitor, canaries, tmp_path):
    keep_all(house, canaries, traitor.url)
    names = [name for name in canaries if name != "sign"]
    runs = {name: house.start(name, wait=30) for name in names}
    runs["sign"] = house.start("sign", "something", wait=20)
    assert {name for name, row in runs.items() if row["state"] != "succeeded"} == {"refused", "broken"}, runs
    sent = " ".join(traitor.seen)
    assert [name for name, value in canaries.items() if value not in sent] == ["sign"]
    children = begun_by(house.server.process.pid)
    beside = {
        f"{child}/{name}": (child / name).read_bytes()
        for child in children
        for name in ("environ", "cmdline")
        if (child / name).exists()
    }
    answers = {
        at: body
        for name in ("bearer", "broken")
        for at, body in all_answers(house, runs[name]["run"]).items()
    }
    assert len(answers) > 60
    assert any("•••".encode() in body or b"\\u2022" in body for body in answers.values())
    answers["/metrics"] = house.send("GET", "/metrics")[2]
    tested = house.send("POST", f"{SECRETS}/bearer/test", {"url": f"{traitor.url}/say"})
    answers["test"] = tested[2]
    leaks = [
        f"{at}: {each}" for at, body in {**answers, **beside}.items() for each in found_in(body, canaries)
    ]
    assert leaks == []
    code, log = house.server.stop()
    assert code == 0
    assert len(log.splitlines()) > 20
    assert found_in(log.encode(), canaries) == []
    if database := auraos.environment.get("AURAOS_DATABASE"):
        assert found_in(asyncio.run(dumped(database)), canaries) == []
    else:
        assert auraos("backup", str(tmp_path / "all.backup")).code == 0
        assert auraos("restore", str(tmp_path / "all.backup"), "--data", "restored").code == 0
    (auraos.folder / "given" / "default" / "file").unlink()
    assert list(found_below(tmp_path, canaries)) == []


def test_a_canary_that_is_kept_as_it_is_is_found(tmp_path, canaries):
    (tmp_path / "journal").write_text(json.dumps({"a": f"Bearer {canaries['bearer']}"}))
    assert [each.partition(": ")[0] for each in found_below(tmp_path, canaries)][:1] == ["journal"]
