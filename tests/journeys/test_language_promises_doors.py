"""What the language promises of values that come in and go out, by the command line itself."""

import json

ECHO = """
kind: workflow
name: echo
spec:
  variables: {kept: none}
  steps:
    a: {type: noop, with: {value: "{{ input }}"}}
    b: {type: wait.signal, with: {name: go}}
    c:
      type: noop
      with:
        value:
          cost: "{{ decimal('0.10') }}"
          due: "{{ datetime('2026-11-20T17:30:00Z') }}"
          day: "{{ date('2026-11-20') }}"
          span: "{{ duration('90m') }}"
  links: [a -> b, b -> c]
  output: "{{ {'in': steps.a, 'data': steps.b.data, 'out': steps.c, 'kept': vars.kept} }}"
"""
LIKE_A_FILE = {"f": {"$file": {"hash": "0" * 64, "size": 3}}, "d": {"$decimal": "0.10"}, "$x": 1}


def test_user_data_comes_in_as_it_is_and_decimals_and_dates_go_out_as_text(auraos):
    auraos.write("echo.yaml", ECHO)
    given = json.dumps(LIKE_A_FILE)
    begun = auraos("run", "echo.yaml", "--input", given, "--var", f"kept={given}")
    assert begun.code == 3, begun.err
    done = auraos("runs", "signal", "1", "go", "--payload", given)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["in"] == told["data"] == told["kept"] == LIKE_A_FILE
    assert told["out"] == {
        "cost": "0.10",
        "due": "2026-11-20T17:30:00Z",
        "day": "2026-11-20",
        "span": "1h30m",
    }


def test_what_reads_like_a_reference_to_a_file_is_a_mapping_of_the_user_in_the_journal_too(auraos):
    auraos.write("echo.yaml", ECHO)
    auraos("run", "echo.yaml", "--input", json.dumps(LIKE_A_FILE))
    facts = auraos("runs", "journal", "1", "--json").json["facts"]
    started = next(fact for fact in map(_fact_of, facts) if fact.get("fact") == "RunStarted")
    assert started["input"] == {
        "f": {"$$file": {"hash": "0" * 64, "size": 3}},
        "d": {"$$decimal": "0.10"},
        "$$x": 1,
    }


def _fact_of(entry):
    return entry["fact"] if isinstance(entry.get("fact"), dict) else entry
