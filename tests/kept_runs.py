"""Runs over a real store, for tests: an engine that nobody has opened yet, and the service that leads it."""

from auraos.app.audit.witness import Witness
from auraos.app.bulk.bulks import Bulks
from auraos.app.definitions.published import PublishedDefinitions
from auraos.app.installed import load_installed
from auraos.app.outside.world import World
from auraos.app.privacy.privacy import Privacy
from auraos.app.runs.moving import Moving
from auraos.app.runs.quotas import RunQuotas
from auraos.app.runs.runs import Runs
from auraos.app.secrets.sealing import LateSealing, seal_store
from auraos.app.serving.feeds import Feeds
from auraos.app.serving.sharing import alone
from auraos.app.trials.trials import Trials
from auraos.documents.definitions.service import Definitions
from auraos.engine.clock import SystemClock
from auraos.engine.engine import Engine
from auraos.security.audit.trail import AuditTrail
from auraos.settings.flags.service import Flags
from auraos.storage.blobs import LocalBlobs
from auraos.storage.blobs.sealed import SealedBlobs
from auraos.storage.tables.bulks import BulkTables
from auraos.storage.tables.privacy import PrivacyTables
from auraos.storage.tables.trials import trial_tables
from auraos.storage.veil import veiled
from houses import House


def bulks_over(house: House, runs: Runs) -> Bulks:
    """Return what does something to many runs of an installation."""
    assert house.store is not None
    clock = SystemClock()
    return Bulks(
        BulkTables(house.tables), runs, veiled(house.store, house.tables), now=clock.now, new_id=clock.new_id
    )


def trials_over(house: House, runs: Runs, definitions: Definitions) -> Trials:
    """Return what tries workflows out in an installation."""
    clock = SystemClock()
    return Trials(
        trial_tables(house.tables), runs, definitions, load_installed().catalogue, now=clock.now,
        new_id=clock.new_id,
    )  # fmt: skip


def privacy_over(house: House, runs: Runs) -> Privacy:
    """Return what finds and erases personal data in an installation."""
    assert house.store is not None
    assert isinstance(house.store.sealing, LateSealing)
    clock = SystemClock()
    blobs = SealedBlobs(LocalBlobs(house.folder / "blobs"), house.store.sealing)
    return Privacy(
        PrivacyTables(house.tables), house.store.sealing, house.store.behind(house.store.sealing), blobs, house.identity.people,
        engine=runs.engine, where="", now=clock.now, new_id=clock.new_id,
    )  # fmt: skip


def feeds_over(house: House, runs: Runs, audit: AuditTrail) -> Feeds:
    """Return what tells who reads what happens in an installation."""
    assert house.store is not None
    return Feeds(runs.engine, veiled(house.store, house.tables), audit, alone, SystemClock().now)


def moving_over(house: House, runs: Runs, definitions: Definitions) -> Moving:
    """Return what moves these runs to other versions."""
    assert house.store is not None
    published = PublishedDefinitions(definitions.store, load_installed().catalogue)
    return Moving(runs.engine, house.store, published, house.witness, runs)


def runs_over(
    house: House, definitions: Definitions, flags: Flags | None = None, world: World | None = None
) -> Runs:
    """Return the runs of an installation; a test that lets some run opens and closes the `engine`."""
    assert house.store is not None
    catalogue = load_installed().catalogue
    sealing = seal_store(house.store, house.folder, "test", {}, keys=house.keys)
    blobs = SealedBlobs(LocalBlobs(house.folder / "blobs"), sealing)
    published = PublishedDefinitions(definitions.store, catalogue)
    engine = Engine(house.store, catalogue, published, (world or World()).doors(blobs), privacy=sealing)
    house.witness = Witness(house.tables, now=SystemClock().now, new_id=SystemClock().new_id)
    return Runs(
        engine,
        house.store.behind(sealing),
        blobs,
        published,
        house.witness,
        shown=veiled(house.store, house.tables),
        quotas=RunQuotas(house.tables, house.identity.access.most, house.clock.now),
        flags=flags,
    )
