"""Commands that reach a PostgreSQL database by its address: from any machine, whether a process serves it or not."""

from server_process import WAITING, Server, until

SAY = """kind: workflow
name: say
spec:
  steps: {a: {type: log, with: {message: "It is {{ input.n }}."}}}
  output: "{{ input.n }}"
"""


def with_runs(auraos, url):
    """Serve a database, let one run end and one wait, and return the server."""
    auraos.write("flows/say.yaml", SAY)
    auraos.write("flows/waiting.yaml", WAITING)
    server = Server(auraos, "--files", "flows", "--database", url)
    assert auraos("start", "say", "--input", "n=1", "--wait").out == "1\n"
    assert auraos("start", "waiting").code == 0
    until(lambda: auraos("runs", "list", "--state", "waiting", "--json").json["runs"])
    return server


def test_looking_by_the_address_tells_the_same_as_the_server_does_and_goes_on_without_it(
    auraos, postgres_url
):
    (auraos.folder / "flows").mkdir()
    server = with_runs(auraos, postgres_url)
    listed = auraos("runs", "list", "--json").json
    number = next(str(row["number"]) for row in listed["runs"] if row["state"] == "succeeded")
    commands = [
        ("runs", "list"), ("runs", "show", number), ("runs", "why", number), ("runs", "journal", number),
        ("runs", "logs", number), ("runs", "failed"), ("journal", "verify", "--all"),
    ]  # fmt: skip
    told = [auraos(*words, "--json").json for words in commands]
    lines = auraos("journal", "export", "--all").out.splitlines()[1:]
    elsewhere = ("--data", "elsewhere", "--database", postgres_url)
    assert [auraos(*words, "--json", *elsewhere).json for words in commands] == told
    assert auraos("journal", "export", "--all", *elsewhere).out.splitlines()[1:] == lines
    assert server.stop()[0] == 0
    auraos.environment |= {"AURAOS_DATABASE": postgres_url}
    left = auraos("runs", "list", "--json").json
    assert left == listed | {"driven": False}
    assert auraos("journal", "verify", "--all", "--json").json["findings"] == []
    assert (
        "No process leads it on" in auraos("runs", "show", number).out
        or auraos("runs", "show", number).code == 0
    )
    assert not (auraos.folder / "elsewhere").exists()


def test_the_doctor_looks_at_a_database_served_or_not(auraos, postgres_url):
    (auraos.folder / "flows").mkdir()
    server = with_runs(auraos, postgres_url)

    def checks(*words):
        found = auraos("doctor", "--json", "--database", postgres_url, *words).json["checks"]
        return {check["name"]: check for check in found}

    assert "1 processes share" in checks()["process"]["message"]
    assert "PostgreSQL" in checks()["database"]["message"]
    assert "are not looked at" in checks("--data", "elsewhere")["folder"]["message"]
    server.stop()
    assert checks()["process"]["level"] == "note"
    gone = auraos("doctor", "--database", "postgresql://nobody@127.0.0.1:1/x")
    assert (gone.code, "✗ database" in gone.out) == (1, True)


def test_runs_are_pruned_by_the_address_beside_a_server_and_without_one(auraos, postgres_url):
    (auraos.folder / "flows").mkdir()
    server = with_runs(auraos, postgres_url)
    words = ("runs", "prune", "--older-than", "1ms", "--json", "--database", postgres_url)
    assert auraos(*words, "--dry-run").json["runs"] == 1
    assert auraos(*words).json["runs"] == 1
    (waiting,) = auraos("runs", "list", "--json").json["runs"]
    assert auraos("start", "say", "--input", "n=2", "--wait").out == "2\n"
    assert auraos("runs", "signal", waiting["run"], "paid", "--payload", "amount=8").out == "8\n"
    server.stop()
    assert auraos(*words, "--data", "elsewhere").json["runs"] == 2
    assert auraos("runs", "list", "--json", "--database", postgres_url).json["runs"] == []


def test_a_folder_of_another_store_is_refused_beside_a_database(auraos, postgres_url):
    auraos.write("say.yaml", SAY)
    assert auraos("run", "say.yaml", "--input", "n=1").out == "1\n"
    for words in (("runs", "list"), ("runs", "prune"), ("journal", "verify", "--all")):
        refused = auraos(*words, "--database", postgres_url)
        assert (refused.code, "error[wrong-folder]" in refused.err) == (2, True)
