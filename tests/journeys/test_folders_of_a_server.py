"""A folder of definitions and the workspace of a server: applied, compared, written out, and joined without losing an edit."""

import itertools
import zipfile

import pytest

from command_line import CommandLine
from kept_definitions import workflow
from owned_server import owned_server

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with owned_server(CommandLine(tmp_path_factory.mktemp("served"))) as opened:
        yield opened


@pytest.fixture
def there(auraos, server):
    """The command line of somebody who is known to the server, in a workspace of its own."""
    name = f"ws-{next(_numbers)}"
    server.ask("POST", "/workspaces", {"name": name})
    auraos.environment |= {
        "AURAOS_SERVER": server.url, "AURAOS_KEY": server.key, "AURAOS_WORKSPACE": name,
    }  # fmt: skip
    (auraos.folder / "flows").mkdir()
    return auraos


def whats(done):
    return {one["name"]: one["what"] for one in done.json["definitions"]}


def test_a_folder_is_compared_applied_and_is_the_same_then(there):
    there.write("flows/greet.yaml", workflow("greet"))
    there.write("flows/order.yaml", workflow("order", calls="greet"))
    before = there("diff", "-f", "flows", "--json")
    assert (before.code, whats(before)) == (1, {"greet": "new", "order": "new"})
    dry = there("apply", "-f", "flows", "--dry-run", "--json")
    assert (dry.code, dry.json["dry_run"], there("definitions", "list", "--json").json["definitions"]) == (
        0,
        True,
        [],
    )
    applied = there("apply", "-f", "flows", "--note", "The first.")
    assert (applied.code, "new  workflow greet\n    published as version 1" in applied.out) == (0, True)
    assert there("diff", "-f", "flows").out == "2 the same.\n"
    assert there("diff", "-f", "flows").code == 0
    assert there("start", "order", "--wait", "--json").json["state"] == "succeeded"


def test_what_is_wrong_in_any_file_is_told_by_file_and_line_and_nothing_is_changed(there):
    there.write("flows/good.yaml", workflow("good"))
    there.write("flows/bad.yaml", "kind: workflow\nname: bad\nspec:\n  steps:\n    a: {type: nope}\n")
    refused = there("apply", "-f", "flows")
    assert refused.code == 2
    assert "error[files-refused]" in refused.err
    assert "bad.yaml:5" in refused.err
    assert there("apply", "-f", "flows", "--json").json["error"]["data"]["problems"][0]["file"] == "bad.yaml"
    assert there("definitions", "list").out == "There are no such definitions.\n"


def test_what_is_not_in_the_folder_is_archived_only_when_asked_for(there):
    there.write("flows/greet.yaml", workflow("greet"))
    there.write("flows/gone.yaml", workflow("gone"))
    assert there("apply", "-f", "flows").code == 0
    (there.folder / "flows/gone.yaml").unlink()
    assert whats(there("diff", "-f", "flows", "--json")) == {"gone": "missing", "greet": "same"}
    assert there("apply", "-f", "flows").code == 0
    assert whats(there("apply", "-f", "flows", "--prune", "--json")) == {"gone": "archived", "greet": "same"}
    states = {one["name"]: one["state"] for one in there("definitions", "list", "--json").json["definitions"]}
    assert states == {"greet": "live"}


def test_a_workspace_is_written_as_files_and_overwrites_nothing(there):
    there.write("flows/greet.yaml", workflow("greet"))
    assert there("apply", "-f", "flows").code == 0
    done = there("export", "-f", "copy", "--json")
    assert (done.code, whats(done)) == (0, {"greet": "new"})
    written = there.folder / "copy/workflow/greet.yaml"
    assert written.read_text() == workflow("greet")
    written.write_text(workflow("greet", value=9))
    refused = there("export", "-f", "copy")
    assert (refused.code, "says something else, and nothing was written" in refused.err) == (2, True)
    assert written.read_text() == workflow("greet", value=9)
    assert there("export", "-f", "copy", "--force").code == 0
    assert written.read_text() == workflow("greet")
    assert there("export", "-f", "all.zip").code == 0
    assert zipfile.ZipFile(there.folder / "all.zip").namelist() == ["workflow/greet.yaml"]


TWO = """kind: workflow
name: two
spec:
  steps:
    a: {{type: noop, with: {{value: {a}}}}}
    b: {{type: noop, with: {{value: {b}}}}}
"""


def test_edits_of_both_sides_are_joined_and_those_that_cannot_be_are_told(there, server):
    there.write("flows/two.yaml", TWO.format(a=1, b=1))
    assert there("apply", "-f", "flows").code == 0

    def save(text):
        at = there.environment["AURAOS_WORKSPACE"]
        revision = server.ask("GET", "/definitions/workflow/two", X_AuraOS_Workspace=at)["revision"]
        server.ask(
            "PUT",
            "/definitions/workflow/two/draft",
            {"text": text},
            If_Match=f'"{revision}"',
            X_AuraOS_Workspace=at,
        )

    save(TWO.format(a=2, b=1))
    there.write("flows/two.yaml", TWO.format(a=1, b=3))
    assert whats(there("pull", "-f", "flows", "--json")) == {"two": "merged"}
    assert (there.folder / "flows/two.yaml").read_text() == TWO.format(a=2, b=3)
    save(TWO.format(a=7, b=1))
    there.write("flows/two.yaml", TWO.format(a=8, b=3))
    clash = there("pull", "-f", "flows")
    assert (clash.code, "conflict  workflow two" in clash.out) == (1, True)
    assert (there.folder / "flows/two.yaml").read_text() == TWO.format(a=8, b=3)
    assert there("pull", "-f", "flows").code == 1
    there.write("flows/two.yaml", TWO.format(a=7, b=3))
    assert whats(there("pull", "-f", "flows", "--json")) == {"two": "merged"}


def test_a_folder_that_was_not_touched_follows_the_workspace(there, server):
    there.write("flows/greet.yaml", workflow("greet"))
    there.write("flows/away.yaml", workflow("away"))
    assert there("apply", "-f", "flows").code == 0
    assert there("definitions", "archive", "away").code == 0
    (there.folder / "elsewhere").mkdir()
    there.write("elsewhere/greet.yaml", workflow("greet", value=5))
    there.write("elsewhere/more.yaml", workflow("more"))
    assert there("apply", "-f", "elsewhere").code == 0
    pulled = there("pull", "-f", "flows", "--json")
    assert (pulled.code, whats(pulled)) == (0, {"greet": "changed", "away": "removed", "more": "new"})
    assert there("diff", "-f", "flows").code == 0
    assert not (there.folder / "flows/away.yaml").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("apply", "-f", "absent"), "There is no folder 'absent'"),
        (("diff", "one.yaml"), "wants two files, or a folder with -f"),
        (("pull",), "--folder"),
        (("definitions", "show", "nope"), "error[no-definition]"),
        (("definitions", "show", "nope", "--version", "x"), "'x' is no version"),
    ],
)
def test_what_cannot_be_done_is_told(there, words, told):
    done = there(*words)
    assert done.code == 2
    assert told in done.err


def test_definitions_are_listed_shown_published_and_put_away(there):
    there.write("flows/greet.yaml", workflow("greet", title="Greet people"))
    there.write("flows/order.yaml", workflow("order", calls="greet"))
    assert there("apply", "-f", "flows", "--no-publish").code == 0
    assert [one["state"] for one in there("definitions", "list", "--json").json["definitions"]] == [
        "draft",
        "draft",
    ]
    assert (
        there("definitions", "publish", "greet", "--note", "Ready.").out
        == "workflow greet: version 1 is live now.\n"
    )
    assert "the draft means the same" in there("definitions", "publish", "greet").out
    assert there("definitions", "publish", "order").code == 0
    used = there("definitions", "used-by", "workflow/greet", "--json").json["used_by"]
    assert {(one["name"], one["is_live"]) for one in used} == {("order", True), ("order", False)}
    shown = there("definitions", "show", "greet", "--version", "1")
    assert shown.out.endswith(workflow("greet", title="Greet people"))
    assert "version 1" in shown.out
    refused = there("definitions", "archive", "greet")
    assert (refused.code, "error[definition-used]" in refused.err) == (2, True)
    assert there("definitions", "archive", "order").code == 0
    found = there("definitions", "list", "--search", "people", "--limit", "1").out
    assert "workflow/greet" in found
