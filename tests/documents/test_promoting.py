"""Versions of one workspace published in another, with what is bound there."""

import pytest

from auraos.documents.definitions.applying import Wishes
from auraos.documents.definitions.bindings import Bindings
from auraos.documents.definitions.errors import ArchivedError, NoDefinitionError, NoVersionError
from auraos.documents.definitions.files import FilesRefusedError
from auraos.documents.definitions.promoting import Pick, Promoting, PromotionRefusedError
from auraos.documents.definitions.rows import Binding, Query, Ref
from kept_definitions import ANN, BEN, audited, changed, published, workflow

TEXT = """kind: workflow
name: order
spec:
  variables:
    currency: EUR   # as it is billed
    url: {type: string, default: "https://test.example/"}
  steps:
    get: {type: http.request, with: {url: "{{ vars.url + vars.currency }}", secret: stock-api}}
"""
ORDER = Pick(kind="workflow", name="order")


@pytest.fixture
def bindings(definitions):
    return Bindings(definitions)


class Promotions:
    """Prepares and promotes at once."""

    def __init__(self, definitions) -> None:
        self._promoting = Promoting(definitions)

    async def promote(self, actor, source, target, picks, *, with_called=False, wishes=None):
        prepared = await self._promoting.prepare(source, target, picks, with_called=with_called)
        return await self._promoting.promote(actor, target, prepared, wishes)


@pytest.fixture
def promoting(definitions):
    return Promotions(definitions)


async def bind(bindings, what: str, given: str, value: str, name: str = "") -> None:
    kind = "workflow" if name else ""
    await bindings.bind(
        ANN, Binding(workspace="prod", kind=kind, name=name, what=what, given=given, value=value)
    )


async def text_in(definitions, name: str, workspace: str = "prod") -> str:
    return (await definitions.version(Ref(workspace, "workflow", name))).text


async def test_what_is_live_is_published_as_it_is_where_nothing_is_bound(promoting, definitions):
    await published(definitions, TEXT, "test")
    (one,) = await promoting.promote(BEN, "test", "prod", [ORDER])
    assert (one.version_there, one.bound, one.applied.what, one.applied.version) == (1, (), "new", 1)
    version = await definitions.version(Ref("prod", "workflow", "order"))
    assert (version.text, version.author, version.note) == (TEXT, "ben", "Promoted (test: order 1)")


async def test_what_is_bound_stands_in_place_of_variables_and_secrets_and_all_else_stays(
    promoting, definitions, bindings
):
    await published(definitions, TEXT, "test")
    await bind(bindings, "variable", "currency", '"USD"')
    await bind(bindings, "variable", "url", '"https://all.example/"')
    await bind(bindings, "variable", "url", '"https://prod.example/"', name="order")
    await bind(bindings, "secret", "stock-api", "stock-api-prod")
    await bind(bindings, "variable", "currency", '"GBP"', name="another")
    (one,) = await promoting.promote(ANN, "test", "prod", [ORDER])
    assert one.bound == (
        "the variable `currency` is USD here",
        "the variable `url` is https://prod.example/ here",
        "the secret `stock-api` is `stock-api-prod` here",
    )
    text = await text_in(definitions, "order")
    assert text == TEXT.replace("EUR", "USD").replace("test.example", "prod.example").replace(
        "stock-api", "stock-api-prod"
    )


async def test_promoting_again_changes_only_what_changed(promoting, definitions, bindings):
    await published(definitions, TEXT, "test")
    await bind(bindings, "variable", "currency", '"USD"')
    await promoting.promote(ANN, "test", "prod", [ORDER])
    (same,) = await promoting.promote(ANN, "test", "prod", [ORDER])
    assert (same.applied.what, same.applied.version) == ("same", 1)
    await changed(definitions, Ref("test", "workflow", "order"), TEXT.replace("get:", "fetch:"))
    (tried,) = await promoting.promote(ANN, "test", "prod", [ORDER], wishes=Wishes(dry_run=True))
    assert tried.applied.words[0] == "Step `get` renamed to `fetch`"
    assert await text_in(definitions, "order") == TEXT.replace("EUR", "USD")
    (done,) = await promoting.promote(ANN, "test", "prod", [ORDER])
    assert (done.applied, done.version_there) == (tried.applied, 2)


async def test_an_earlier_version_is_promoted_to_go_back(promoting, definitions):
    ref = await published(definitions, workflow("order"), "test")
    await changed(definitions, ref, workflow("order", value=2))
    await promoting.promote(ANN, "test", "prod", [ORDER])
    back = Pick(kind="workflow", name="order", version=1)
    (one,) = await promoting.promote(ANN, "test", "prod", [back])
    assert (one.version_there, one.applied.version) == (1, 2)
    assert await text_in(definitions, "order") == workflow("order")


async def test_what_it_calls_comes_along_if_that_is_wished(promoting, definitions):
    await published(definitions, workflow("inner"), "test")
    await published(definitions, workflow("called", calls="inner"), "test")
    await published(definitions, workflow("order", calls="called"), "test")
    with pytest.raises(FilesRefusedError) as refused:
        await promoting.promote(ANN, "test", "prod", [ORDER])
    assert [one.problem.code for one in refused.value.problems] == ["unknown-workflow"]
    promoted = await promoting.promote(ANN, "test", "prod", [ORDER], with_called=True)
    assert [one.applied.name for one in promoted] == ["order", "called", "inner"]
    rows = await definitions.page(Query(workspace="prod", states=("live",)))
    assert len(rows) == 3


async def test_what_cannot_be_promoted_says_why(promoting, definitions, store):
    with pytest.raises(NoDefinitionError):
        await promoting.promote(ANN, "test", "prod", [ORDER])
    await definitions.create(ANN, "test", TEXT)
    with pytest.raises(NoVersionError):
        await promoting.promote(ANN, "test", "prod", [ORDER])
    with pytest.raises(PromotionRefusedError):
        await promoting.promote(ANN, "test", "test", [ORDER])
    gone = await published(definitions, workflow("gone"), "test")
    await definitions.archive(ANN, gone)
    with pytest.raises(ArchivedError):
        await promoting.promote(ANN, "test", "prod", [Pick(kind="workflow", name="gone")])
    assert not await definitions.page(Query(workspace="prod"))


async def test_who_bound_what_is_told_by_the_audit_trail(bindings, store):
    await bind(bindings, "variable", "currency", '"USD"', name="order")
    bound = (await bindings.all("prod"))[0]
    assert (bound.value, bound.author) == ('"USD"', "ann")
    assert await bindings.unbind(BEN, bound)
    assert not await bindings.unbind(BEN, bound)
    assert await audited(store) == [
        ("definitions.bind", "workflow/order"),
        ("definitions.unbind", "workflow/order"),
    ]


FLAG = "kind: flag\nname: fast\nspec: {type: boolean, default: on}\n"
ASKS = "kind: workflow\nname: asks\nspec:\n  steps: {a: {type: flag, with: {flag: fast}}}\n"
RELEASE = """kind: flag
name: auraos-version-of-order
spec: {type: number, variants: {new: 1}, default: new, off: new}
"""


async def test_flags_go_where_they_are_sent_and_not_with_the_workflows_that_ask_them(promoting, definitions):
    await published(definitions, FLAG, "test")
    await published(definitions, ASKS, "test")
    asks = Pick(kind="workflow", name="asks")
    with pytest.raises(FilesRefusedError) as refused:
        await promoting.promote(ANN, "test", "prod", [asks], with_called=True)
    assert [one.problem.code for one in refused.value.problems] == ["unknown-flag"]
    await published(definitions, FLAG.replace("default: on", "default: off"), "prod")
    await promoting.promote(ANN, "test", "prod", [asks], with_called=True)
    assert "default: off" in (await definitions.version(Ref("prod", "flag", "fast"))).text
    await promoting.promote(ANN, "test", "prod", [Pick(kind="flag", name="fast")])
    assert "default: on" in (await definitions.version(Ref("prod", "flag", "fast"))).text


async def test_a_flag_that_gives_versions_stays_where_they_are_counted(promoting, definitions):
    await published(definitions, TEXT, "test")
    await published(definitions, RELEASE, "test")
    with pytest.raises(PromotionRefusedError, match="as its own workspace counts"):
        await promoting.promote(ANN, "test", "prod", [Pick(kind="flag", name="auraos-version-of-order")])
