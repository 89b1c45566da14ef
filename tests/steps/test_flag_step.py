"""flag, over real flags of a folder."""

import pytest
from step_context import Context

from auraos.app.definitions.flag_files import FlagFiles
from auraos.app.settings.step_flags import StepFlags
from auraos.sdk import Chosen, StepFailed
from auraos.settings.errors import NoFlagError
from auraos.steps.flag import flag, live_ports

FAST = "kind: flag\nname: fast\nspec:\n  type: boolean\n  default: {on: 50, off: 50}\n"
PRICE = (
    "kind: flag\nname: price\nspec:\n  type: number\n  variants: {old: 10, new: 12.5}\n  default: old\n  off: old\n"
    "  rules: [{when: context.country == 'DE', variant: new}]\n"
)


class NothingPublished:
    """Published flags of which there are none."""

    async def evaluate(self, workspace, name, context, *, surely):
        raise NoFlagError.of(name)


@pytest.fixture
def flags(tmp_path):
    for name, text in (("fast", FAST), ("price", PRICE), ("broken", "kind: flag\nname: broken\nspec: {}\n")):
        (tmp_path / f"{name}.flag.yaml").write_text(text)
    return StepFlags(NothingPublished(), FlagFiles(tmp_path)).of("default")


async def ask(flags, **settings):
    async with Context(flags=flags) as context:
        return await flag.execute(settings, context), context.lines


@pytest.mark.parametrize(("key", "variant"), [("user-1", "on"), ("user-2", "off")])
async def test_a_boolean_flag_goes_on_at_its_value_besides_out(flags, key, variant):
    (chosen, _) = await ask(flags, flag="fast", key=key)
    is_on = variant == "on"
    assert chosen == Chosen(
        ("out", "true" if is_on else "false"), {"value": is_on, "variant": variant, "reason": "SPLIT"}
    )


async def test_a_flag_of_another_type_goes_on_at_out_with_what_its_rules_say(flags):
    (chosen, _) = await ask(flags, flag="price", context={"country": "DE"})
    assert chosen == Chosen(("out",), {"value": 12.5, "variant": "new", "reason": "TARGETING_MATCH"})
    (chosen, _) = await ask(flags, flag="price")
    assert chosen.output == {"value": 10, "variant": "old", "reason": "DEFAULT"}


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"flag": "fats"}, "no-flag"),
        ({"flag": "fast"}, "flag-context"),
        ({"flag": "broken"}, "broken-definition"),
        ({"flag": ""}, "settings-refused"),
        ({"flag": "fast", "key": ["a"]}, "settings-refused"),
    ],
)
async def test_what_cannot_be_told_fails_for_certain_and_says_what_to_do(flags, settings, code):
    with pytest.raises(StepFailed) as failed:
        await ask(flags, **settings)
    assert (failed.value.error_code, failed.value.error_class in ("permanent", "data")) == (code, True)


@pytest.mark.parametrize("name", ["fats", "fast"])
async def test_a_default_stands_in_and_is_told(flags, name):
    (chosen, lines) = await ask(flags, flag=name, default=False)
    assert chosen == Chosen(("out", "false"), {"value": False, "variant": "", "reason": "ERROR"})
    assert [(level, "The default stands in" in said) for level, said, _ in lines] == [("warning", True)]


async def test_no_default_stands_in_for_a_broken_file(flags):
    with pytest.raises(StepFailed, match="cannot be read as a flag"):
        await ask(flags, flag="broken", default=False)


async def test_files_are_read_again_when_they_change(flags, tmp_path):
    await ask(flags, flag="price")
    (tmp_path / "price.flag.yaml").write_text(PRICE.replace("old: 10", "old: 1234"))
    (chosen, _) = await ask(flags, flag="price")
    assert chosen.output["value"] == 1234


async def test_files_are_of_the_workspace_that_every_installation_has(tmp_path):
    (tmp_path / "price.yaml").write_text(PRICE)
    elsewhere = StepFlags(NothingPublished(), FlagFiles(tmp_path)).of("other")
    with pytest.raises(StepFailed, match="no published flag"):
        await ask(elsewhere, flag="price")


@pytest.mark.parametrize("output", [None, "text", {}, {"value": 1}, {"value": "true"}])
def test_what_is_no_answer_of_a_boolean_flag_goes_on_at_out(output):
    assert live_ports(output) == ("out",)
