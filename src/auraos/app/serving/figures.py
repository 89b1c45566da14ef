"""The figures of a serving process that are not counted but are so now: of its engine, its store, its secrets."""

import math
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

from auraos.app.health import Health
from auraos.app.keeping import Keeping
from auraos.core.lookups import Lookups
from auraos.engine.engine import Engine
from auraos.observability.figures import Figure, Source, counter, counters, gauge, gauges
from auraos.observability.process import process_figures
from auraos.security.secrets.tokens import Tokens
from auraos.settings.flags.service import Flags

if TYPE_CHECKING:
    from auraos.app.serving.desks import Services

MOST_FLAGS = 1000


def count_for(health: Health, engine: Engine, keeping: Keeping, tokens: Tokens) -> None:
    """Let the process tell these figures from now on."""
    sources: list[Source] = [
        _build,
        lambda: _phase(health),
        engine.figures.figures,
        lambda: _load(engine),
        lambda: _store(keeping),
        lambda: _refreshes(tokens),
        process_figures,
    ]
    health.figures.add(*sources)


def _build() -> Iterator[Figure]:
    yield gauge("auraos_build_info", "Which release this is.", 1, version=version("auraos"))


def _phase(health: Health) -> Iterator[Figure]:
    phases = ("starting", "serving", "held", "draining")
    yield gauges(
        "auraos_phase",
        "In which phase the process is: 1 for that one.",
        [({"phase": phase}, int(phase == health.phase)) for phase in phases],
    )


def _store(keeping: Keeping) -> Iterator[Figure]:
    yield counter("auraos_transactions_total", "Transactions of runs made durable.", keeping.store.commits)


def _refreshes(tokens: Tokens) -> Iterator[Figure]:
    yield counters(
        "auraos_secret_refreshes_total",
        "Tokens that were asked for in exchange for a secret, by what came of it.",
        [({"outcome": outcome}, count) for outcome, count in tokens.refreshes.items()],
    )


def flag_figures(flags: Flags) -> Iterator[Figure]:
    """Yield the figures of feature flags."""
    found = sorted(flags.evaluations.items())[:MOST_FLAGS]
    yield counters(
        "auraos_flag_evaluations_total",
        "Evaluations of feature flags, by flag and by why they gave what they gave.",
        [({"flag": name, "reason": reason}, count) for (name, reason), count in found],
    )
    yield counters(
        "auraos_flags_stopped_total",
        "Flags that their guards switched off, by flag.",
        [({"flag": name}, count) for name, count in sorted(flags.stopped.items())[:MOST_FLAGS]],
    )


def memory_figures(services: "Services") -> Iterator[Figure]:
    """Yield how often what is kept in memory was there when it was wanted."""
    identity, published = services.identity, services.published
    kept: dict[str, Lookups] = {
        "recognition": identity.recognition.lookups,
        "roles": identity.access.lookups,
        "flags": services.flags.lookups,
        "definitions": published.texts,
        "programs": published.programs,
    }
    rows = [
        ({"cache": name, "outcome": outcome}, count)
        for name, lookups in kept.items()
        for outcome, count in (("hit", lookups.hits), ("miss", lookups.misses))
    ]
    yield counters(
        "auraos_cache_lookups_total", "Looks into what is kept in memory, by whether it was there.", rows
    )


def _load(engine: Engine) -> Iterator[Figure]:
    load = engine.load()
    yield gauge("auraos_runs_in_memory", "Runs that the process has in memory.", load.runs)
    yield gauge("auraos_steps_under_way", "Attempts of steps that are carried out now.", load.attempts)
    yield gauge("auraos_writes_waiting", "Writes that wait for the store.", load.unwritten)
    pools = {name or "(all)": pool for name, pool in load.pools.items()}
    yield gauges(
        "auraos_steps_waiting",
        "Steps that stand in line for a slot, by pool.",
        [({"pool": name}, pool.waiting) for name, pool in pools.items()],
    )
    yield gauges(
        "auraos_slots_free",
        "Slots that are free, by pool.",
        [({"pool": name}, pool.free) for name, pool in pools.items()],
    )
    yield gauges(
        "auraos_slots",
        "Slots that there are, by pool.",
        [({"pool": name}, pool.limit) for name, pool in pools.items() if pool.limit is not None],
    )
    yield gauge("auraos_shards_owned", "Shards of the runs that this process leads.", load.shards)
    if math.isfinite(engine.sure_for):
        yield gauge(
            "auraos_lease_seconds", "For how long the process is sure to own its shards.", engine.sure_for
        )
