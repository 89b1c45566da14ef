"""Step types come from entry points: a broken plugin is reported, and no third party is evaluated inside the machine."""

import asyncio
from importlib.metadata import Distribution, EntryPoint

import pytest

from auraos.app.installed import GROUP, load_installed
from auraos.core.catalogue import Behaviour, Effect, StepType


class Plugin(Distribution):
    """A distribution that exists only here."""

    def __init__(self, name):
        self._name = name

    @property
    def metadata(self):
        return {"Name": self._name}

    def read_text(self, filename):
        return None

    def locate_file(self, path):
        return path


def double(settings):
    return settings["n"] * 2


def made(name, **traits):
    traits = {"behaviour": Behaviour.EVALUATE, "effect": Effect.PURE, "evaluate": double, **traits}
    return StepType(name=name, title=name, summary="", **traits)


acme_double = made("acme.double")
acme_where = made("acme.where", deferred={"where": ("item",)})
acme_loop = made("acme.loop", behaviour=Behaviour.FOREACH, evaluate=None)
acme_idle = made("acme.idle", behaviour=Behaviour.EXECUTE, evaluate=None)
noop = made("noop")
NOT_A_TYPE = "text"


def entry(name, value, distribution="acme"):
    return EntryPoint(name, f"{__name__}:{value}" if ":" not in value else value, GROUP)._for(
        Plugin(distribution)
    )


def test_our_own_step_types_all_load():
    installed = load_installed()
    assert installed.catalogue.all()
    assert installed.broken == ()
    assert set(installed.origins.values()) == {"auraos"}
    assert {"noop", "switch", "http.request", "foreach", "human.approve"} <= set(installed.catalogue.names())


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("acme.gone", "no_such_module:x", "it cannot be imported: ModuleNotFoundError"),
        ("acme.gone", "missing", "it cannot be imported: AttributeError"),
        ("acme.text", "NOT_A_TYPE", "is no step type but str"),
        ("acme.other", "acme_double", "its entry point says 'acme.other' and its step type 'acme.double'"),
        ("acme.where", "acme_where", "it takes expressions as functions"),
        ("acme.loop", "acme_loop", "only AuraOS itself brings step types of the behaviour 'foreach'"),
        ("acme.idle", "acme_idle", "it has no function that does the work"),
    ],
)
def test_a_broken_plugin_is_reported_and_the_others_work(name, value, words):
    installed = load_installed([entry(name, value), entry("acme.double", "acme_double")])
    assert [one.name for one in installed.catalogue.all()] == ["acme.double"]
    assert installed.catalogue.names() == ["acme.double"]
    assert [(one.name, one.distribution, words in one.message) for one in installed.broken] == [
        (name, "acme", True)
    ]


def test_a_third_party_s_plain_function_is_executed_off_the_loop_and_never_inline():
    found = load_installed([entry("acme.double", "acme_double")]).catalogue.find("acme.double")
    assert (found.behaviour, found.evaluate) == (Behaviour.EXECUTE, None)
    assert asyncio.run(found.execute({"n": 21}, None)) == 42


def test_nobody_takes_a_name_of_ours():
    installed = load_installed([entry("noop", "noop"), entry("noop", "auraos.steps.basic:noop", "auraos")])
    assert installed.catalogue.all()
    assert installed.origins == {"noop": "auraos"}
    assert [one.message for one in installed.broken] == ["'auraos' brings a step type of this name already"]


def test_a_plugin_is_imported_when_its_step_type_is_first_wanted():
    installed = load_installed([entry("acme.gone", "no_such_module:x"), entry("acme.double", "acme_double")])
    assert installed.catalogue.names() == ["acme.double", "acme.gone"]
    assert installed.catalogue.find("acme.double") is not None
    assert installed.broken == ()
    assert installed.catalogue.find("acme.gone") is None
    assert [one.name for one in installed.broken] == ["acme.gone"]
    assert installed.catalogue.names() == ["acme.double"]
