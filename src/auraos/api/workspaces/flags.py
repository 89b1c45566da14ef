"""Feature flags over HTTP: how they stand, what they give whom and why, and the protocol by which programs ask for them (OFREP).

What a flag says is a definition of the kind `flag`, changed and published like every other one.
"""

from typing import Annotated, Any

import msgspec

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.fitting import unless_had
from auraos.api.protocol.names import END, Slug
from auraos.api.protocol.routes import About, Routes
from auraos.security.access.authorize import Thing
from auraos.settings.errors import FlagContextError, NoFlagError
from auraos.settings.flags.kind import NAME
from auraos.settings.flags.model import Evaluation
from auraos.settings.flags.service import FlagFacts

routes = Routes()

TELLS = ("no-flag",)
Key = Annotated[str, msgspec.Meta(pattern=f"^[^/\\x00]+{END}", max_length=100)]
Context = Annotated[
    dict[str, Any],
    msgspec.Meta(
        max_length=200, description="Who it is evaluated for: `targetingKey` and whatever rules read."
    ),
]


class OneFlag(msgspec.Struct, frozen=True, kw_only=True):
    """A flag, by name."""

    name: Slug


class OneKey(msgspec.Struct, frozen=True, kw_only=True):
    """A flag, by the key that programs know it by: its name."""

    key: Key


class FlagList(msgspec.Struct, frozen=True, kw_only=True):
    """Which flags to list."""

    stale: Annotated[bool, msgspec.Meta(description="Only those that could go.")] = False


class FlagPage(msgspec.Struct, frozen=True, kw_only=True):
    """How flags stand."""

    items: tuple[FlagFacts, ...]


class Switching(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a flag is switched."""

    why: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class InContext(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who a flag is evaluated for."""

    context: Context = msgspec.field(default_factory=dict)


class Given(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a flag gives, as the protocol says it."""

    key: str
    value: Any = msgspec.UNSET
    reason: str = ""
    variant: str = ""
    metadata: dict[str, bool | str | float] = {}
    errorCode: str = ""  # noqa: N815 (the word of the protocol)
    errorDetails: str = ""  # noqa: N815 (the word of the protocol)
    code: str = ""
    """The code of what went wrong, as everywhere else in this API."""


class AllGiven(msgspec.Struct, frozen=True, kw_only=True):
    """What all flags give, as the protocol says it."""

    flags: tuple[Given, ...]


async def _thing(ask: Ask, name: str) -> Thing | None:
    found = await ask.desk.flags.find(ask.workspace, name)
    return Thing(kind=NAME, name=name, labels=found.labels) if found is not None else None


async def _of_name(ask: Ask, at: OneFlag) -> Thing | None:
    return await _thing(ask, at.name)


async def _of_key(ask: Ask, at: OneKey) -> Thing | None:
    return await _thing(ask, at.key)


ABOUT = About(find=_of_name, missing=lambda _, at: NoFlagError.of(at.name))
ABOUT_KEY = About(find=_of_key, missing=lambda _, at: NoFlagError.of(at.key))


@routes.get("/api/v1/flags", may="flags.read", narrows=True)
async def list_flags(ask: Ask, at: FlagList) -> FlagPage:
    """List the published flags: what they gave, who switched them off, and which could go."""
    scope = ask.scope("flags.read")
    found = await ask.desk.flags.facts(ask.workspace)
    return FlagPage(
        items=tuple(
            facts
            for facts in found
            if (facts.stale or not at.stale)
            and scope.reaches(Thing(kind=NAME, name=facts.name, labels=facts.labels))
        )
    )


@routes.post("/api/v1/flags/{name}/off", may="flags.switch", tells=TELLS, about=ABOUT)
async def switch_flag_off(ask: Ask, at: OneFlag, body: Switching) -> FlagFacts:
    """Switch a flag off at once, whatever it says: everybody is given its variant for that."""
    return await ask.desk.flags.switch(ask.actor, ask.workspace, at.name, off=True, why=body.why)


@routes.post("/api/v1/flags/{name}/on", may="flags.switch", tells=TELLS, about=ABOUT)
async def switch_flag_on(ask: Ask, at: OneFlag, body: Switching) -> FlagFacts:
    """Let a flag give again what it says."""
    return await ask.desk.flags.switch(ask.actor, ask.workspace, at.name, off=False, why=body.why)


@routes.post("/api/v1/flags/{name}/explain", may="flags.evaluate", tells=TELLS, about=ABOUT)
async def explain_flag(ask: Ask, at: OneFlag, body: InContext) -> Evaluation:
    """Say what a flag gives somebody, and why: which rules were tried, which fits, where a split places them."""
    return await ask.desk.flags.evaluate(ask.workspace, at.name, body.context)


@routes.post("/ofrep/v1/evaluate/flags/{key}", may="flags.evaluate", tells=TELLS, about=ABOUT_KEY)
async def evaluate_flag(ask: Ask, at: OneKey, body: InContext) -> dict[str, Any] | Answer:
    """Evaluate a flag by the protocol of OpenFeature."""
    try:
        found = await ask.desk.flags.evaluate(ask.workspace, at.key, body.context)
    except NoFlagError as error:
        missing = Given(key=at.key, errorCode="FLAG_NOT_FOUND", errorDetails=error.message, code=error.code)
        return Answer.of(missing, 404)
    return _cached(ask, given_of(found), 400 if found.error_code else 200)


@routes.post("/ofrep/v1/evaluate/flags", may="flags.evaluate", narrows=True)
async def evaluate_flags(ask: Ask, body: InContext) -> dict[str, Any] | Answer:
    """Evaluate all flags of the workspace by the protocol of OpenFeature; what has not changed is not sent again."""
    scope = ask.scope("flags.evaluate")
    found = await ask.desk.flags.evaluate_all(ask.workspace, body.context)
    if not scope.is_whole:
        labels = {facts.name: facts.labels for facts in await ask.desk.flags.facts(ask.workspace)}
        found = [
            each
            for each in found
            if scope.reaches(Thing(kind=NAME, name=each.key, labels=labels.get(each.key, {})))
        ]
    return _cached(ask, AllGiven(flags=tuple(given_of(each) for each in found)))


def given_of(found: Evaluation) -> Given:
    """Return an evaluation as the protocol says it."""
    if found.error_code:
        return Given(
            key=found.key, errorCode=found.error_code, errorDetails=found.error, code=FlagContextError.code
        )
    metadata: dict[str, bool | str | float] = {"version": found.version}
    if found.rule:
        metadata["rule"] = found.rule
    return Given(
        key=found.key, value=found.value, reason=found.reason, variant=found.variant, metadata=metadata
    )


def _cached(ask: Ask, told: Any, status: int = 200) -> Answer:
    """Return an answer with a mark of what it says, or that the caller has it already."""
    answer = Answer.of(told, status)
    return unless_had(answer, ask.asked.headers) if status == 200 else answer
