"""Processes that share one PostgreSQL: each is a door to all runs, and each may leave or be killed."""

from pathlib import Path

from server_process import WAITING, Server, until

QUICK = """kind: workflow
name: quick
spec:
  steps: {a: {type: noop, with: {value: "{{ input.n }}"}}}
  output: "{{ steps.a }}"
"""

KEYED = QUICK.replace("name: quick", "name: keyed").replace(
    "spec:\n", 'spec:\n  settings: {concurrency: {key: "{{ input.n }}"}}\n'
)


def servers(auraos, url, count):
    (auraos.folder / "flows").mkdir(exist_ok=True)
    auraos.write("flows/waiting.yaml", WAITING)
    auraos.write("flows/quick.yaml", QUICK)
    auraos.write("flows/keyed.yaml", KEYED)
    auraos.environment |= {"AURAOS_DATABASE": url}
    return [Server(auraos, "--files", "flows") for _ in range(count)]


def test_runs_are_started_answered_and_listed_at_any_of_two_processes(auraos, postgres_url):
    one, other = servers(auraos, postgres_url, 2)
    assert [one.get("/health/ready")[0], other.get("/health/ready")[0]] == [200, 200]
    assert auraos("start", "quick", "--input", "n=4", "--wait").out == "4\n"
    for _ in range(4):
        assert auraos("start", "waiting").code == 0
    until(lambda: "waiting" in auraos("runs", "list", "--json").out)
    rows = auraos("runs", "list", "--state", "waiting", "--json").json["runs"]
    assert one.stop()[0] == 0
    for row in rows:
        assert auraos("runs", "signal", row["run"], "paid", "--payload", "amount=1").out == "1\n"
    other.kill()


def test_a_start_that_is_at_home_in_the_other_process_is_found_at_once(auraos, postgres_url):
    one, other = servers(auraos, postgres_url, 2)
    until(lambda: auraos("engine", "status", "--json").json["load"]["shards"] == 128)
    for key in range(8):
        assert auraos("start", "keyed", "--input", f"n={key}", "--wait").out == f"{key}\n"
    one.kill()
    other.kill()


def test_runs_are_pruned_where_they_are_in_a_database(auraos, postgres_url):
    (server,) = servers(auraos, postgres_url, 1)
    auraos("start", "quick", "--input", "n=4", "--wait")
    assert auraos("runs", "prune", "--older-than", "1ms", "--json").json["runs"] == 1
    assert auraos("runs", "list", "--json").json["runs"] == []
    server.kill()


def test_what_a_killed_process_led_goes_on_in_the_other(auraos, postgres_url):
    one, other = servers(auraos, postgres_url, 2)
    started = [auraos("start", "waiting", "--json").json["run"] for _ in range(6)]
    one.kill()
    for run in started:
        assert (
            until(lambda run=run: auraos("runs", "signal", run, "paid", "--payload", "amount=2").out, 60)
            == "2\n"
        )
    assert other.stop()[0] == 0
    assert auraos("runs", "list", "--json").json["driven"] is False


def test_the_socket_of_a_killed_process_goes_when_the_next_one_serves_and_others_stay(auraos, postgres_url):
    one, other = servers(auraos, postgres_url, 2)
    one.kill()
    assert Path(one.ready["socket"]).exists()
    (third,) = servers(auraos, postgres_url, 1)
    left = {str(path) for path in (auraos.folder / ".auraos").glob("engine-*.sock*")}
    assert left == {other.ready["socket"], third.ready["socket"]}
    assert auraos("start", "quick", "--input", "n=4", "--wait").out == "4\n"
    other.kill()
    third.kill()


def test_a_folder_belongs_to_one_store(auraos, postgres_url):
    auraos.write("quick.yaml", QUICK)
    assert auraos("run", "quick.yaml", "--input", "n=1").code == 0
    done = auraos("serve", "--port", "0", "--database", postgres_url)
    assert (done.code, "error[wrong-folder]" in done.err) == (2, True)
    (server,) = servers(auraos, postgres_url, 0) or [
        Server(auraos, "--data", "beside", "--database", postgres_url)
    ]
    assert server.stop()[0] == 0
    del auraos.environment["AURAOS_DATABASE"]
    nameless = auraos("serve", "--port", "0", "--data", "beside")
    assert (
        nameless.code,
        "error[wrong-folder]: The runs of beside are kept in a database." in nameless.err,
    ) == (2, True)
    refused = auraos("run", "quick.yaml", "--input", "n=1", "--data", "beside")
    assert (refused.code, "error[no-server]" in refused.err) == (4, True)


def test_a_database_that_is_away_is_said_plainly_without_its_password(auraos):
    done = auraos("serve", "--port", "0", "--database", "postgresql://user:hidden@127.0.0.1:1/none")
    assert done.code == 4
    assert "error[store-unavailable]" in done.err
    assert "hidden" not in done.err
    assert "help: Is it running, and does this machine reach it? A server that was ready goes on" in done.err
    wrong = auraos("serve", "--port", "0", "--database", "mysql://somewhere")
    assert (wrong.code, "error[database-address]" in wrong.err) == (2, True)
