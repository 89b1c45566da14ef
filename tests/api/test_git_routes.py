"""A workspace and its git repository over HTTP (X15), and what neither a repository nor an address is let do."""

import base64
import http.server
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from auraos.app.git.tables import git_rows
from auraos.security.row_store import Replace
from git_people import PLAIN, Person, bare
from kept_definitions import GREET, changed, published, workflow
from kept_git import REPOSITORIES
from rooms import Room

GIT = "/api/v1/git"
FILE = "workflow/greet.yaml"
PASSWORD = "canary-4f1e-of-the-repository"


@pytest.fixture
def remote(room: Room) -> Path:
    return bare(room.house.folder / REPOSITORIES / "flows.git")


@pytest.fixture
def pat(remote: Path, tmp_path: Path) -> Person:
    return Person(remote, tmp_path / "clone")


def plainly(repository: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=repository, check=True, env=PLAIN, capture_output=True, text=True
    )
    return done.stdout


async def linked(room: Room, remote: object, **more) -> str:
    """Link the workspace as its administrator; return the token."""
    _, token = await room.house.signed_in("admin")
    got = await room.ask("PUT", GIT, {"remote": str(remote), **more}, token=token)
    assert got.status == 200, got.body
    return token


async def synced(room: Room, token: str, **body):
    got = await room.ask("POST", f"{GIT}/sync", body, token=token)
    assert got.status == 200, got.body
    return [(one["name"], one["branch"], one["what"]) for one in got.json["items"]]


async def test_a_workspace_is_linked_and_brought_together_with_its_repository(room, remote, pat):
    definitions = room.desk.definitions
    await published(definitions, workflow())
    token = await linked(room, remote)
    seen = await room.ask("GET", f"{GIT}/changes", token=token)
    assert [(one["name"], one["what"]) for one in seen.json["items"]] == [("greet", "pushed")]
    assert pat.branches() == []
    assert await synced(room, token) == [("greet", "main", "pushed")]
    assert pat.shown(FILE) == workflow()
    pat.pull()
    pat.push("main", {FILE: workflow(value=2)})
    assert await synced(room, token) == [("greet", "main", "pulled")]
    assert (await definitions.version(GREET)).text == workflow(value=2)
    link = (await room.ask("GET", GIT, token=token)).json
    assert (link["outcome"], link["open"], link["synced_at"]) == ("", 0, room.house.clock.now())
    assert [entry.action for entry in await room.house.entries() if entry.action.startswith("git.")] == [
        "git.connect", "git.sync", "git.sync",
    ]  # fmt: skip


async def test_changes_go_one_way_where_that_is_wished(room, remote, pat):
    definitions = room.desk.definitions
    await published(definitions, workflow())
    token = await linked(room, remote)
    assert await synced(room, token, direction="pull") == [("greet", "main", "ahead")]
    assert pat.branches() == []
    assert await synced(room, token, direction="push") == [("greet", "main", "pushed")]
    two = "    b: {type: noop, with: {value: 1}}\n"
    await changed(definitions, GREET, workflow(more=two))
    await synced(room, token)
    pat.pull()
    pat.push("main", {FILE: workflow(value=2, more=two)})
    assert await synced(room, token, direction="push") == [("greet", "main", "behind")]
    await changed(definitions, GREET, workflow(more=two.replace("value: 1", "value: 3")))
    assert await synced(room, token, direction="pull") == [("greet", "main", "merged")]
    both = workflow(value=2, more=two.replace("value: 1", "value: 3"))
    assert (await definitions.version(GREET)).text == both
    assert pat.shown(FILE) == workflow(value=2, more=two)
    assert await synced(room, token, direction="push") == [("greet", "main", "pushed")]
    assert pat.shown(FILE) == both


async def test_a_conflict_is_shown_with_all_three_texts_until_somebody_decides(room, remote, pat):
    definitions = room.desk.definitions
    await published(definitions, workflow())
    token = await linked(room, remote)
    await synced(room, token)
    pat.pull()
    pat.push("main", {FILE: workflow(value=2)})
    await changed(definitions, GREET, workflow(value=3))
    got = await room.ask("POST", f"{GIT}/sync", {}, token=token)
    (one,) = got.json["items"]
    assert (one["what"], one["base"], one["ours"], one["theirs"]) == (
        "conflict",
        workflow(),
        workflow(value=3),
        workflow(value=2),
    )
    assert one["merged"] in (workflow(value=2), workflow(value=3))
    assert got.json["open"] == (await room.ask("GET", GIT, token=token)).json["open"] == 1
    decided = [{"kind": "workflow", "name": "greet", "text": workflow(value=4)}]
    assert await synced(room, token, decided=decided) == [("greet", "main", "merged")]
    assert (await definitions.version(GREET)).text == pat.shown(FILE) == workflow(value=4)
    assert await synced(room, token) == []


async def test_whoever_may_not_use_a_secret_does_not_bring_it_in_by_a_repository(room, remote, pat):
    """S08."""
    token = await linked(room, remote)
    value = {"credential": {"kind": "bearer", "token": "canary-0f3d"}, "hosts": ["stock.example"]}
    await room.ask("POST", "/api/v1/secrets", {"name": "stock", "value": value}, token=token)
    roles = ["definitions.*", "git.*"]
    body = {"title": "Gits", "actions": roles}
    made = await room.ask("PUT", "/api/v1/access/roles/gitter", body, token=token)
    assert made.status in (200, 201), made.body
    _, theirs = await room.house.signed_in("gitter")
    step = '{type: http.request, with: {url: "https://stock.example/x", secret: stock}}'
    text = f"kind: workflow\nname: taker\nspec:\n  steps:\n    a: {step}\n"
    pat.push("main", {"workflow/taker.yaml": text, FILE: workflow()})
    pat.git("push", "--quiet", "origin", "HEAD:drafts/workflow/taker")
    got = await room.ask("POST", f"{GIT}/sync", {}, token=theirs)
    told = {(one["name"], one["branch"]): (one["what"], one["words"]) for one in got.json["items"]}
    assert told["greet", "main"][0] == "pulled"
    for branch in ("main", "drafts/workflow/taker"):
        assert told["taker", branch][0] == "refused"
        assert "may not use" in told["taker", branch][1][0]
    assert (await synced(room, token))[0] == ("taker", "main", "pulled")


@pytest.mark.parametrize(
    "address",
    [
        "/etc",
        "file:///etc/x.git",
        "ext::sh -c 'touch /x'",
        "ext::sh",
        "ssh://git@example.com/x.git",
        "git://example.com/x.git",
        "--upload-pack=touch",
        "https://user:pass@example.com/x.git",
        "https://example.com:99999/x.git",
        "https://169.254.169.254/x.git",
        "https://10.0.0.7/x.git",
        "https://[::1]:443/x.git",
        "http://192.0.2.1/x.git",
    ],
)
async def test_a_repository_that_a_workspace_may_not_ask_is_refused(room, address):
    _, token = await room.house.signed_in("admin")
    got = await room.ask("PUT", GIT, {"remote": address}, token=token)
    assert (got.status, got.code) in ((422, "git-refused"), (422, "request-refused")), got.body
    assert (await room.ask("GET", GIT, token=token)).code == "no-git-link"


async def test_a_link_inside_the_folder_of_repositories_leads_nowhere_else(room, tmp_path):
    outside = bare(tmp_path / "outside.git")
    folder = room.house.folder / REPOSITORIES
    folder.mkdir()
    (folder / "inside.git").symlink_to(outside)
    _, token = await room.house.signed_in("admin")
    for address in (folder / "inside.git", folder / ".." / ".." / "outside.git"):
        got = await room.ask("PUT", GIT, {"remote": str(address)}, token=token)
        assert (got.status, got.code) == (422, "git-refused")


async def test_two_who_synchronise_at_once_do_not_meet(room, remote):
    token = await linked(room, remote)
    link = await room.desk.git.find("default")
    held = msgspec.structs.replace(link, busy_until=room.house.clock.now() + 1_000_000)
    assert await git_rows(room.house.tables).save([Replace(link, held)]) is None
    got = await room.ask("POST", f"{GIT}/sync", {}, token=token)
    assert (got.status, got.code) == (409, "git-busy")
    room.house.clock.sleep(2)  # whoever held it is gone
    assert await synced(room, token) == []


async def test_a_link_is_changed_over_the_one_that_was_read_and_ended(room, remote):
    token = await linked(room, remote)
    stale = await room.ask("PUT", GIT, {"remote": str(remote)}, token=token)
    assert (stale.status, stale.code) == (409, "git-link-changed")
    again = await room.ask("PUT", GIT, {"remote": str(remote), "branch": "live", "revision": 1}, token=token)
    assert (again.status, again.json["branch"], again.json["revision"]) == (200, "live", 2)
    assert (await room.ask("DELETE", GIT, token=token)).status == 204
    assert (await room.ask("GET", GIT, token=token)).code == "no-git-link"


class _Backend(http.server.BaseHTTPRequestHandler):
    """Git's own server behind HTTP, for whoever has the password."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        wanted = base64.b64encode(f"git:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            self._refuse(f"no: {self.headers.get('Authorization')} {PASSWORD}")
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, query = self.path.partition("?")
        told = {
            **PLAIN,
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": "git",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        backend = subprocess.run(
            ["git", "http-backend"], input=body, capture_output=True, env=told, check=True
        )
        head, _, content = backend.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _refuse(self, words: str) -> None:
        """Answer with the very secret that was sent, as a hostile server would."""
        self.send_response(403, words)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words.encode())

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def serving(root: Path):
    """Serve the repositories below a folder over HTTP; yield the address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Backend)
    server.root = root
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def keep_password(room: Room, token: str, password: str, name: str = "repository") -> None:
    credential = {"kind": "basic", "user": "git", "password": password}
    value = {"credential": credential, "hosts": ["127.0.0.1"]}
    got = await room.ask("POST", "/api/v1/secrets", {"name": name, "value": value}, token=token)
    assert got.status == 201, got.body


async def test_a_repository_of_the_network_is_opened_by_a_secret_that_is_found_nowhere(room, tmp_path):
    """S09, S10."""
    remote = bare(tmp_path / "served" / "flows.git")
    plainly(remote, "config", "http.receivepack", "true")
    await published(room.desk.definitions, workflow())
    _, token = await room.house.signed_in("admin")
    await keep_password(room, token, PASSWORD)
    await keep_password(room, token, f"wrong-{PASSWORD}", "wrong")
    elsewhere = {"credential": {"kind": "bearer", "token": PASSWORD}, "hosts": ["stock.example"]}
    await room.ask("POST", "/api/v1/secrets", {"name": "elsewhere", "value": elsewhere}, token=token)
    answers = []
    with serving(tmp_path / "served") as url:
        for secret, code in (("wrong", "git-failed"), ("elsewhere", "git-refused"), ("never", "git-refused")):
            got = await room.ask("PUT", GIT, {"remote": f"{url}/flows.git", "secret": secret}, token=token)
            assert got.code == code, got.body
            answers.append(got.body)
        got = await room.ask("PUT", GIT, {"remote": f"{url}/flows.git", "secret": "repository"}, token=token)
        assert got.status == 200, got.body
        assert await synced(room, token) == [("greet", "main", "pushed")]
        answers.append((await room.ask("GET", GIT, token=token)).body)
    assert "greet.yaml" in plainly(remote, "ls-tree", "-r", "main")
    answers += [str(entry).encode() for entry in await room.house.entries()]
    ours = [path.read_bytes() for path in (room.house.folder / "git").rglob("*") if path.is_file()]
    forms = [PASSWORD.encode(), base64.b64encode(f"git:{PASSWORD}".encode())]
    assert [form for form in forms for each in (*answers, *ours) if form in each] == []
