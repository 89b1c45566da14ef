"""Files of feature flags, checked on this machine."""

GOOD = "kind: flag\nname: fast\nspec:\n  type: boolean\n  default: {on: 5, off: 95}\n"
BAD = "kind: flag\nname: price\nspec:\n  type: number\n  variants: {old: 10}\n  default: old\n  off: odl\n"
WORKFLOW = "kind: workflow\nname: greet\nspec:\n  steps:\n    a: {type: noop}\n"


def test_a_folder_of_flags_and_workflows_is_checked_as_one(auraos):
    (auraos.folder / "all").mkdir()
    for name, text in (("fast", GOOD), ("greet", WORKFLOW)):
        auraos.write(f"all/{name}.yaml", text)
    done = auraos("check", "all")
    assert (done.code, "2 files checked: 0 errors" in done.out) == (0, True)


def test_what_is_wrong_with_a_flag_is_shown_at_its_place(auraos):
    auraos.write("price.yaml", BAD)
    done = auraos("check", "price.yaml")
    assert done.code == 1
    assert "price.yaml:7:8: error[flag-variant]: There is no variant 'odl'." in done.out
    assert "Did you mean 'old'?" in done.out


def test_a_flag_is_not_run(auraos):
    auraos.write("fast.yaml", GOOD)
    done = auraos("run", "fast.yaml")
    assert (done.code, "Traceback" in done.err, "unknown-kind" in done.out + done.err) == (2, False, True)


FLAGGED = """kind: workflow
name: checkout
spec:
  input: {type: object, required: [customer], properties: {customer: {type: string}}}
  steps:
    fast: {type: flag, with: {flag: fast, key: "{{ input.customer }}"}}
    new_way: {type: noop, with: {value: new}}
    old_way: {type: noop, with: {value: old}}
  links: [fast.true -> new_way, fast.false -> old_way]
  output: "{{ steps.fast }}"
tests:
  - name: the new way
    input: {customer: a}
    mocks: {fast: {value: true, variant: "on", reason: SPLIT}}
    expect: {path: [fast, new_way]}
  - name: the old way
    input: {customer: a}
    mocks: {fast: {value: false, variant: "off", reason: SPLIT}}
    expect: {path: [fast, old_way]}
"""


def test_a_workflow_asks_a_flag_of_its_folder_is_tested_with_an_answer_and_keeps_what_it_was_given(auraos):
    for name, text in (("fast", GOOD.replace("{on: 5, off: 95}", "on")), ("checkout", FLAGGED)):
        auraos.write(f"{name}.yaml", text)
    assert "2 files checked: 0 errors, 0 warnings" in auraos("check", ".").out
    assert auraos("test", "checkout.yaml").code == 0
    done = auraos("run", "checkout.yaml", "--input", "customer=a")
    assert '"value": true' in done.out
    auraos.write("fast.yaml", GOOD.replace("{on: 5, off: 95}", "off"))
    assert '"value":true' in auraos("runs", "journal", "1").out.replace(" ", "")
    assert '"value": false' in auraos("run", "checkout.yaml", "--input", "customer=a").out


def test_a_flag_that_is_nowhere_is_a_warning_before_and_a_failure_that_says_what_to_do(auraos):
    auraos.write("checkout.yaml", FLAGGED)
    checked = auraos("check", "checkout.yaml")
    assert (checked.code, "warning[unknown-flag]" in checked.out) == (0, True)
    done = auraos("run", "checkout.yaml", "--input", "customer=a")
    assert done.code == 1
    assert "no-flag" in done.err
    assert "what stands in for it" in done.err
