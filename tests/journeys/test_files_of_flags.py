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
