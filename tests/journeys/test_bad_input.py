"""Bad input at each door: a clear error, the exit code that says so, and nothing half-done."""

import sqlite3

import pytest

from auraos.storage.folder import DataFolder

HELLO = """kind: workflow
name: hello
spec:
  input: {type: object, required: [name, age], properties: {name: {type: string}, age: {type: integer}}}
  steps: {a: {type: noop}}
  output: "{{ input.name }}"
"""


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["check", "nix.yaml"], "error[unreadable-file]: There is no file or folder 'nix.yaml'.", ""),
        (["run", "nix.yaml"], "error[unreadable-file]: There is no file 'nix.yaml'.", ""),
        (["run", "."], "error[unreadable-file]: '.' is a folder; name a file in it.", ""),
        (["test", "nix"], "error[unreadable-file]: There is no file or folder 'nix'.", ""),
        (["graph", "nix.yaml"], "error[unreadable-file]: There is no file 'nix.yaml'.", ""),
        (
            ["check", "binary.yaml"],
            "error[unreadable-file]: binary.yaml is no UTF-8 text: line 2",
            "Save the file as UTF-8.",
        ),
        (
            ["run", "hello.yaml", "--input", "{'name': 1}"],
            "error[wrong-input]: The input is no JSON",
            "double quotes",
        ),
        (
            ["run", "hello.yaml", "--input", "@nix.json"],
            "error[unreadable-file]: There is no file 'nix.json'.",
            "",
        ),
        (["run", "hello.yaml", "--input", "name=1", "--var", "x=1"], "There is no variable 'x'", "--input"),
        (
            ["run", "hello.yaml", "--input", '{"name": "A", "age": 1}', "--var", "x=1"],
            "no variable 'x'",
            "--var key=value",
        ),
        (["run", "hello.yaml", "--nope"], "error[wrong-usage]", "See `auraos run --help`."),
        (["run"], "error[wrong-usage]: `auraos run` wants FILE: A workflow file", "See `auraos run --help`."),
        (["run", "hello.yaml", "--data"], "--data wants a value: The folder", "See `auraos run --help`."),
        (["runs", "list", "--state", "done"], 'Choose from: "queued", "running"', "runs list --help"),
        (
            ["run", "hello.yaml", "--input", '{"name": "A", "age": 1}', "--data", "hello.yaml"],
            "hello.yaml is no folder.",
            "--data names the folder",
        ),
        (["run", "broken.yaml"], "broken.yaml:2:", "Not started: broken.yaml has"),
        (["check"], "error[wrong-input]: Which file?", "auraos check FILE"),
        (
            ["runs", "list"],
            "error[no-data-folder]: There are no runs in '.auraos'",
            "`auraos run FILE` makes one",
        ),
        (["runs", "approve", "1", "--data", "other"], "error[no-data-folder]", "--data names another"),
        (
            ["steps", "show", "swich"],
            "error[wrong-input]: There is no step type 'swich'.",
            "Did you mean 'switch'?",
        ),
        (["expressions", "eval", "1 +"], "expression:1:", ""),
    ],
)
def test_wrong_input_is_told_and_nothing_is_begun(auraos, words, error, hint):
    auraos.write("hello.yaml", HELLO)
    auraos.write("broken.yaml", "kind: workflow\n  name: [\n")
    (auraos.folder / "binary.yaml").write_bytes(b"kind: workflow\n\xff\xfe\n")
    before = sorted(path.name for path in auraos.folder.iterdir())
    done = auraos(*words)
    assert done.code == 2
    assert error in done.err
    assert hint in done.err
    assert done.out == ""
    assert sorted(path.name for path in auraos.folder.iterdir()) == before


def test_all_that_does_not_fit_the_schema_is_told_before_a_run_exists(auraos):
    auraos.write("hello.yaml", HELLO)
    done = auraos("run", "hello.yaml", "--input", "age=old", "--json")
    assert done.code == 2
    assert [one["path"] for one in done.json["error"]["data"]["problems"]] == ["input", "input.age"]
    assert not (auraos.folder / ".auraos").exists()


def test_a_run_that_is_not_there_and_one_that_is_over(auraos):
    auraos.write("hello.yaml", HELLO)
    assert auraos("run", "hello.yaml", "--input", "name=Ada", "--input", "age=36").code == 0
    missing = auraos("runs", "show", "99")
    assert (missing.code, "There is no run '99'" in missing.err) == (2, True)
    over = auraos("runs", "cancel", "1")
    assert (over.code, "Run 1 is over: it succeeded." in over.err) == (2, True)
    beyond = auraos("runs", "replay", "1", "--until", "99")
    assert (beyond.code, "Run 1 has facts 1 to" in beyond.err) == (2, True)


def test_a_store_of_another_program_is_left_alone(auraos):
    data = auraos.folder / ".auraos"
    data.mkdir()
    with sqlite3.connect(data / "auraos.db") as other:
        other.execute("create table mine (a)")
    other.close()
    auraos.write("hello.yaml", HELLO)
    before = (data / "auraos.db").read_bytes()
    done = auraos("run", "hello.yaml", "--input", "name=Ada", "--input", "age=36")
    assert done.code in (2, 4)
    assert done.err.startswith("error[")
    assert (data / "auraos.db").read_bytes() == before


def test_a_folder_that_another_process_holds_is_told_as_the_machine_s_fault(auraos):
    auraos.write("hello.yaml", HELLO)
    held = DataFolder.claim(auraos.folder / ".auraos")
    done = auraos("run", "hello.yaml", "--input", "name=Ada", "--input", "age=36")
    held.release()
    assert done.code == 4
    assert "error[folder-in-use]" in done.err


def test_a_data_folder_that_is_a_file_is_told(auraos):
    auraos.write("hello.yaml", HELLO)
    auraos.write("data", "not a folder")
    done = auraos("run", "hello.yaml", "--input", "name=Ada", "--input", "age=36", "--data", "data")
    assert done.code in (2, 4)
    assert done.err.startswith("error[")


def test_a_failing_run_says_why_and_exits_with_one(auraos):
    failing = "{type: fail, with: {message: no lines, class: data, code: empty}}"
    failing = f"kind: workflow\nname: failing\nspec:\n  steps: {{a: {failing}}}\n"
    auraos.write("failing.yaml", failing)
    done = auraos("run", "failing.yaml")
    assert done.code == 1
    assert "data/empty in a: no lines" in done.err


def test_one_file_that_cannot_be_read_hides_no_other_of_its_folder(auraos):
    auraos.write("hello.yaml", HELLO)
    auraos.write("wrong.yaml", "kind: workflow\nname: wrong\nspec: {steps: {a: {type: nop}}}\n")
    (auraos.folder / "binary.yaml").write_bytes(b"kind: workflow\n\xff\xfe\n")
    (auraos.folder / "picture.yaml").write_bytes(b"\x89PNG\xff")
    done = auraos("check", ".")
    assert done.code == 1
    assert "binary.yaml: error[unreadable-file]: binary.yaml is no UTF-8 text" in done.out
    assert "wrong.yaml:3:" in done.out
    assert "3 files checked: 2 errors, 0 warnings" in done.out
    assert "1 passed over, for they name no kind: picture.yaml" in done.out
    tested = auraos("test", ".")
    assert tested.code == 1
    assert "2 files could not be read" in tested.out


@pytest.mark.parametrize("command", ["check", "test"])
def test_an_empty_path_is_not_this_folder(auraos, command):
    assert auraos(command, "").code == 2


def test_a_name_that_no_case_has_is_one_error_and_nothing_else(auraos):
    auraos.write("hello.yaml", HELLO + "tests: [{name: a, input: {name: a, age: 1}}]\n")
    done = auraos("test", "hello.yaml", "-k", "zzz", "--json")
    assert (done.code, done.json["error"]["message"]) == (2, "No case has 'zzz' in its name.")


def test_a_call_that_pins_a_version_is_refused_before_anything_runs_however_deep_it_is(auraos):
    call = "kind: workflow\nname: {}\nspec:\n  steps: {{a: {{type: call, with: {{workflow: {}}}}}}}\n"
    auraos.write("top.yaml", call.format("top", "middle"))
    auraos.write("middle.yaml", call.format("middle", "hello@3"))
    auraos.write("hello.yaml", HELLO)
    for command in ("check", "test", "run"):
        done = auraos(command, "middle.yaml")
        assert done.code != 0
        assert "error[pinned-call]: 'hello@3' pins a version" in done.out + done.err
    deep = auraos("run", "top.yaml")
    assert (deep.code, "'hello@3' pins a version" in deep.err) == (2, True)
    assert auraos("runs", "list", "--json").json["runs"] == []


def test_a_variable_that_is_meant_to_be_a_secret_is_refused(auraos):
    spec = "{variables: {key: {type: string, default: '', secret: true}}, steps: {a: {type: noop}}}"
    auraos.write("leaky.yaml", f"kind: workflow\nname: leaky\nspec: {spec}\n")
    done = auraos("run", "leaky.yaml", "--var", "key=hunter22")
    assert (done.code, "error[secret-variable]" in done.err) == (2, True)
    assert not (auraos.folder / ".auraos").exists()


def test_input_comes_from_standard_input_too(auraos):
    file = auraos.write(
        "w.yaml", "kind: workflow\nname: w\nspec:\n  steps: {s: {type: noop}}\n  output: '{{ input.a }}'\n"
    )
    assert auraos("run", file, "--input", "-", "--json", stdin='{"a": 7}').json["output"] == 7
    assert "Standard input is no JSON" in auraos("run", file, "--input", "-", stdin='{"a"').err
