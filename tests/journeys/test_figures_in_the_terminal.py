"""`auraos runs figures` and `auraos runs search` of a folder, through the process that has it, and over a server."""

from served_house import ServedHouse

FLOW = """kind: workflow
name: flow
spec:
  input: {type: object}
  steps:
    check: {type: if, with: {condition: "{{ input.good }}"}}
    note: {type: log, with: {message: "good"}}
    halt: {type: fail, with: {message: "no", code: no-way}}
  links: [check.true -> note, check.false -> halt]
"""


def told(done):
    assert done.code == 0, done.err
    found = done.json
    for one in (found["all"], *found["versions"]):
        one.pop("number")
    return {name: found[name] for name in ("workflow", "all", "versions", "steps")}


def test_the_figures_are_the_same_whoever_is_asked(auraos):
    house = ServedHouse(auraos)
    house.publish(FLOW)
    for good in (True, True, False, True):
        house.start("flow", {"good": good}, wait=10)
    key = house.ask("POST", "/api/v1/me/keys", {"title": "figures"}, status=201)["token"]
    through = told(auraos("runs", "figures", "flow", "--json"))
    assert (through["all"]["begun"], through["all"]["success"], through["all"]["read"]) == (4, 75.0, 4)
    auraos.environment |= {"AURAOS_SERVER": house.server.url, "AURAOS_KEY": key}
    assert told(auraos("runs", "figures", "flow", "--json")) == through
    assert told(auraos("runs", "figures", "flow", "--version", "1", "--json")) == through
    shown = auraos("runs", "figures", "flow").out.splitlines()
    assert shown[0].startswith("flow: 4 runs from ")
    assert shown[1].split() == ["succeeded", "3", "75.0%", "▇▇▇▇▇▇▇▇▇"]
    assert shown[2].split() == ["failed", "1", "25.0%", "▇▇▇"]
    del auraos.environment["AURAOS_SERVER"]
    house.server.stop()
    assert told(auraos("runs", "figures", "flow", "--json")) == through
    assert auraos("runs", "figures", "other").out.startswith("There are no runs of other from ")
    for words, why in (
        (("--version", "1"), "only a server knows versions by their numbers"),
        (("--since", "1h", "--until", "2h"), "is before --since"),
        (("--since", "soon"), "is no time"),
    ):
        refused = auraos("runs", "figures", "flow", *words)
        assert (refused.code, why in refused.err) == (2, True), refused.err


def found(done):
    assert done.code == 0, done.err
    return [(line["number"], line["message"], line["fields"]) for line in done.json["lines"]], done.json[
        "more"
    ]


def test_the_lines_that_are_found_are_the_same_whoever_is_asked(auraos):
    house = ServedHouse(auraos)
    house.publish(FLOW.replace('message: "good"', 'message: "Order {{ input.good }}", fields: {of: 7}'))
    for good in (1, 2, 3):
        house.start("flow", {"good": good}, wait=10)
    key = house.ask("POST", "/api/v1/me/keys", {"title": "search"}, status=201)["token"]
    through = found(auraos("runs", "search", "order", "--limit", "2", "--json"))
    assert through == ([(3, "Order 3", {"of": 7}), (2, "Order 2", {"of": 7})], True)
    auraos.environment |= {"AURAOS_SERVER": house.server.url, "AURAOS_KEY": key}
    assert found(auraos("runs", "search", "order", "--limit", "2", "--json")) == through
    shown = auraos("runs", "search", "ORDER", "--oldest").out.splitlines()
    assert [line.split("run ")[1] for line in shown] == [
        f"{number} of flow, note: Order {number}  of=7" for number in (1, 2, 3)
    ]
    del auraos.environment["AURAOS_SERVER"]
    house.server.stop()
    assert found(auraos("runs", "search", "order", "--limit", "2", "--json")) == through
    assert auraos("runs", "search", "nowhere").out == "There are no such lines.\n"
    assert auraos("runs", "search", "--level", "error").out == "There are no such lines.\n"
