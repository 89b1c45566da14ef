"""A write whose answer was lost: a person looks, and says on the command line what became of it."""

import pytest
from faulty_server import faulty_server

TEXT = """kind: workflow
name: pay
spec:
  steps:
    pay: {{type: http.request, with: {{method: POST, url: "http://{place}/pay"}}}}
  output: "{{{{ steps.pay }}}}"
"""


@pytest.fixture
def in_doubt(auraos):
    """A run whose payment was sent and not answered, and the server that got it."""
    with faulty_server() as server:
        server.behave(pay="reset 200")
        file = auraos.write("pay.yaml", TEXT.format(place=server.place))
        began = auraos("run", file, "--allow-net", server.place)
        assert began.code == 3, began.err
        auraos.asked = began.err
        auraos.server = server
        yield auraos


def test_the_run_prints_the_three_commands_that_answer_it(in_doubt):
    for answer in ("--succeeded", "--failed", "--retry"):
        assert f"auraos runs resolve 1 pay {answer} --attempt 1\n" in in_doubt.asked


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (["pay", "--succeeded", '{"paid": 7}'], {"paid": 7}),
        (["pay", "--succeeded", "paid=7", "by=hand"], {"paid": 7, "by": "hand"}),
        (["--succeeded"], None),
    ],
)
def test_what_took_effect_is_not_sent_again_and_its_output_is_what_was_said(in_doubt, words, output):
    done = in_doubt("runs", "resolve", "1", *words, "--json")
    assert done.code == 0, done.err
    assert done.json["output"] == output
    assert in_doubt.server.count("pay") == 1


@pytest.mark.parametrize("words", [["--failed", "the bank knows nothing of it"], ["--failed"]])
def test_what_had_no_effect_fails_with_what_was_found(in_doubt, words):
    done = in_doubt("runs", "resolve", "1", "pay", *words)
    assert done.code == 1
    assert "resolved-as-failed" in done.err
    assert "".join(words[1:]) in done.err
    assert in_doubt.server.count("pay") == 1


def test_what_is_to_be_tried_once_more_is_sent_again(in_doubt):
    done = in_doubt("runs", "resolve", "1", "pay", "--retry", "--allow-net", in_doubt.server.place)
    assert done.code == 0, done.err
    assert in_doubt.server.count("pay") == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "What became of it is not said."),
        (["--failed", "--retry"], "Several things are said to have become of it."),
        (["--failed", "no", "--comment", "none"], "Both --failed and --comment give a word for the journal."),
        (["--retry", "--attempt", "2"], "attempt"),
    ],
)
def test_an_answer_that_says_nothing_or_too_much_changes_nothing(in_doubt, words, told):
    refused = in_doubt("runs", "resolve", "1", "pay", *words)
    assert refused.code == 2
    assert told in refused.err
    assert in_doubt("runs", "show", "1", "--json").json["state"] == "waiting"


def test_a_step_that_nobody_asks_about_is_refused(in_doubt):
    refused = in_doubt("runs", "resolve", "1", "nix", "--failed")
    assert refused.code == 2
    assert "nix" in refused.err
