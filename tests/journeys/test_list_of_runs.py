"""`auraos runs list` page by page, from a folder, through a server, and from a database."""

import pytest

from server_process import Server

NOTHING = "kind: workflow\nname: nothing\nspec:\n  steps: {a: {type: noop}}\n"


def numbers(told):
    return [row["number"] for row in told.json["runs"]]


def pages_in(auraos, *words):
    """Read the list in pages of two as a script would; return the numbers of each."""
    page = auraos("runs", "list", "--limit", "2", "--json", *words)
    found = [numbers(page)]
    while (after := page.json["next"]) is not None:
        page = auraos("runs", "list", "--limit", "2", "--after", after, "--json", *words)
        found.append(numbers(page))
    return found


def test_a_folder_is_read_page_by_page_and_the_last_line_says_how(auraos):
    auraos.write("nothing.yaml", NOTHING)
    assert [auraos("run", "nothing.yaml").code for _ in range(3)] == [0, 0, 0]
    assert pages_in(auraos) == [[3, 2], [1]]
    first = auraos("runs", "list", "--limit", "2", "--workflow", "nothing", "--state", "succeeded")
    command = "auraos runs list --state succeeded --workflow nothing --limit 2 --after 2"
    assert first.out.splitlines()[-1] == f"There are more: {command}"
    second = auraos(*command.split()[1:])
    assert [line.split()[0] for line in second.out.splitlines()] == ["1"]
    gone = auraos("runs", "list", "--after", "99")
    assert (gone.code, "There is no run 99 any more to go on after." in gone.err) == (2, True)
    assert auraos("runs", "list", "--after", "1").out == "There are no such runs.\n"


def test_through_a_server_and_by_the_address_of_its_database_the_pages_are_the_same(auraos, postgres_url):
    (auraos.folder / "flows").mkdir()
    auraos.write("flows/nothing.yaml", NOTHING)
    server = Server(auraos, "--files", "flows", "--database", postgres_url)
    assert [auraos("start", "nothing").code for _ in range(3)] == [0, 0, 0]
    pages = pages_in(auraos)
    assert [len(page) for page in pages] == [2, 1]
    assert pages_in(auraos, "--database", postgres_url) == pages
    told = auraos("runs", "list", "--limit", "2", "--database", postgres_url).out.splitlines()[-1]
    assert told == f"There are more: this command with --after {pages[0][-1]}"
    assert server.stop()[0] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["runs", "list", "--limit", "0"], "--limit 0 is not possible."),
        (["runs", "list", "--limit", "10001"], "It takes numbers from 1 to 10,000."),
        (["runs", "logs", "1", "--limit", "-1"], "--limit -1 is not possible."),
        (["runs", "failed", "--limit", "0"], "--limit 0 is not possible."),
        (["runs", "journal", "1", "--from", "0"], "--from 0 is not possible."),
        (["serve", "--parallel", "0"], "--parallel 0 is not possible."),
        (["serve", "--grace", "-1"], "--grace -1.0 is not possible."),
        (["serve", "--grace", "nan"], "--grace nan is not possible."),
        (["serve", "--port", "65536"], "It takes numbers from 0 to 65,535."),
        (["test", ".", "--min-coverage", "101"], "It takes numbers from 0 to 100."),
    ],
)
def test_a_number_that_an_option_does_not_take_is_refused_in_words(auraos, words, told):
    done = auraos(*words)
    assert (done.code, done.out) == (2, "")
    assert "error[wrong-input]" in done.err
    assert told in done.err
    assert not (auraos.folder / ".auraos").exists()
