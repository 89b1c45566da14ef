"""A newcomer's path: write, check, mend, draw, test, run, answer, look back, fork."""

ORDER = """kind: workflow
name: order
spec:
  input: {type: object, required: [total], properties: {total: {type: number}}}
  variables: {currency: EUR}
  steps:
    size: {type: if, with: {condition: "{{ input.total > 100 }}"}}
    ask: {type: human.approve, with: {title: "Accept {{ input.total }}?", expires: 72h}}
    accept: {type: transform, with: {set: {text: "{{ input.total }} {{ vars.currency }}"}}}
  links:
    - size.true -> ask
    - size.false -> accept
    - ask.approved -> accept
  output: "{{ steps.accept.text }}"
tests:
  - name: a small one
    input: {total: 5}
    expect: {path: [size, accept], output: 5 EUR}
"""


def test_from_an_empty_folder_to_a_forked_run(auraos):
    file = auraos.write("order.yaml", ORDER.replace("accept.text", "acept.text"))
    broken = auraos("check", file)
    assert broken.code == 1
    assert "order.yaml:14:" in broken.out
    assert "Did you mean 'accept'" in broken.out
    assert "^" in broken.out
    assert auraos("run", file, "--input", "total=5").code == 2
    assert not (auraos.folder / ".auraos").exists()

    auraos.write(file, ORDER)
    assert auraos("check", file).code == 0
    assert "╭" in auraos("graph", file).out
    tested = auraos("test", file)
    assert (tested.code, "1 passed" in tested.out) == (0, True)
    assert "never taken: ask.approved -> accept" in tested.out

    small = auraos("run", file, "--input", "total=5", "--var", "currency=USD")
    assert (small.code, small.out) == (0, '"5 USD"\n')
    large = auraos("run", file, "--input", '{"total": 500}')
    assert large.code == 3
    assert "auraos runs approve 2 --step ask" in large.err
    (auraos.folder / file).unlink()
    answered = auraos("runs", "approve", "2", "--step", "ask", "--comment", "go on")
    assert (answered.code, answered.out) == (0, '"500 EUR"\n')

    assert [run["state"] for run in auraos("runs", "list", "--json").json["runs"]] == [
        "succeeded",
        "succeeded",
    ]
    assert "━" in auraos("runs", "show", "2").out
    assert "go on" in auraos("runs", "journal", "2").out
    then = auraos("runs", "replay", "2", "--until", "3", "--json").json
    assert (then["state"], then["waits"][0]["path"]) == ("waiting", "ask")
    forked = auraos("runs", "fork", "2", "--set", 'steps.accept={"text": "for nothing"}')
    assert (forked.code, forked.out) == (0, '"for nothing"\n')


def test_check_mends_what_is_safe_and_says_so(auraos):
    text = "# mine\nkind: workflow\nname: mended\ntitel: Hello   # kept\nspec:\n  steps: {a: {type: noop}}\n"
    file = auraos.write("mended.yaml", text)
    done = auraos("check", "--fix", file)
    assert done.code == 0
    assert "mended.yaml: fixed: line 4: Rename 'titel' to 'title'" in done.err
    assert (auraos.folder / file).read_text() == text.replace("titel", "title")


def test_a_document_goes_through_standard_input_too(auraos):
    assert auraos("check", "-", stdin=ORDER).code == 0
    assert auraos("check", "-", "--fix", stdin=ORDER.replace("kind:", "# c\nkind:")).out.startswith("# c\n")
    assert auraos("run", "-", "--input", "total=1", stdin=ORDER).out == '"1 EUR"\n'


def test_a_folder_is_checked_as_a_whole_and_strangers_are_passed_over(auraos):
    (auraos.folder / "deep").mkdir()
    auraos.write("deep/b.yaml", ORDER)
    auraos.write("a.yml", ORDER.replace("type: if", "type: iff"))
    auraos.write("compose.yaml", "services: {}\n")
    told = auraos("check", ".", "--json")
    assert told.code == 1
    assert [file["path"] for file in told.json["files"]] == ["a.yml", "deep/b.yaml"]
    assert told.json["skipped"] == ["compose.yaml"]
    problem = told.json["files"][0]["problems"][0]
    assert (problem["code"], problem["line"], problem["fix"]["title"]) == ("unknown-type", 7, "Write if")


def test_a_called_workflow_is_found_beside_the_file(auraos):
    auraos.write(
        "child.yaml",
        "kind: workflow\nname: double\nspec:\n  steps: {a: {type: noop}}\n  output: '{{ input * 2 }}'\n",
    )
    calling = "kind: workflow\nname: calling\nspec:\n  steps: {a: {type: call, with: {workflow: double, input: 21}}}\n"
    file = auraos.write("calling.yaml", calling + "  output: '{{ steps.a }}'\n")
    done = auraos("run", file)
    assert (done.code, done.out) == (0, "42\n")


def test_the_drawing_as_svg_stands_alone(auraos):
    file = auraos.write("order.yaml", ORDER)
    assert auraos("graph", file, "--svg", "order.svg").code == 0
    svg = (auraos.folder / "order.svg").read_text()
    assert svg.startswith("<svg ")
    assert [part for part in ("prefers-color-scheme:dark", ">ask<", ">approved<") if part not in svg] == []
    assert [
        part for part in ("http://", "https://") if part in svg.replace("http://www.w3.org/2000/svg", "")
    ] == []


def test_completion_knows_the_commands(auraos):
    for shell in ("bash", "zsh", "fish"):
        script = auraos("completion", "show", "--shell", shell).out
        assert "approve" in script
    path = auraos(
        "completion", "install", "--shell", "bash", "--output", "auraos.bash", "--no-startup", "--json"
    ).json["path"]
    assert path.endswith("auraos.bash")
