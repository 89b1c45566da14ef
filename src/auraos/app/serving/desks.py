"""The desk of a process, put together: identity, definitions and secrets on its store, and the engine that they serve."""

import ipaddress
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from auraos.app.audit.trail import audit_on
from auraos.app.audit.witness import Witness
from auraos.app.bulk.bulks import Bulks
from auraos.app.chores.opening import chores_on
from auraos.app.definitions.kept import definitions_on
from auraos.app.definitions.named_secrets import SecretsOver, named_secrets
from auraos.app.definitions.published import PublishedDefinitions
from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.expressions import Expressions
from auraos.app.git.links import GitLinks
from auraos.app.git.reach import Reach, folders_of
from auraos.app.git.tables import git_rows
from auraos.app.identity import had_owner, open_identity
from auraos.app.keeping import Keeping, open_keeping
from auraos.app.outside.world import World
from auraos.app.privacy.privacy import privacy_on
from auraos.app.runs.approvals import Approvals
from auraos.app.runs.figures import RunFigures
from auraos.app.runs.log_search import LogBook
from auraos.app.runs.moving import Moving
from auraos.app.runs.quotas import RunQuotas, Usage
from auraos.app.runs.runs import Runs
from auraos.app.secrets.secrets import SecretServices, in_flight_of, open_keys, secret_services, users_of
from auraos.app.serving.desk import Desk
from auraos.app.serving.feeds import Feeds
from auraos.app.serving.sharing import Processes
from auraos.app.settings.flags import flags_on
from auraos.app.settings.settings import SetTerms, settings_on
from auraos.app.settings.tracing import tracer_for
from auraos.app.trials.trials import Trials
from auraos.core.catalogue import Catalogue
from auraos.core.errors import UserError
from auraos.documents.definitions.service import Definitions
from auraos.engine.clock import SystemClock
from auraos.engine.engine import Engine
from auraos.observability.traces import Tracer
from auraos.security.audit.trail import AuditTrail
from auraos.security.identity.identity import Identity
from auraos.security.identity.key_uses import KeyUses
from auraos.settings.flags.service import Flags
from auraos.settings.service import Settings
from auraos.storage.folder import read_marker
from auraos.storage.owned_mark import OwnedMark
from auraos.storage.tables.bulks import BulkTables
from auraos.storage.tables.key_uses import KeyUseTables
from auraos.storage.tables.secrets import SecretTables
from auraos.storage.tables.trials import trial_tables


class NoOwnerError(UserError):
    """Nobody owns this installation yet, so it does not answer to a network."""

    code = "no-owner"


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on a store before an engine does."""

    data: Path
    catalogue: Catalogue
    audit: AuditTrail
    witness: Witness
    identity: Identity
    definitions: Definitions
    git: GitLinks
    secrets: SecretServices
    usage: Usage
    settings: Settings
    flags: Flags
    tracer: Tracer | None
    published: PublishedDefinitions
    """The definitions as an engine asks for them: those that are published, and beside them those of a folder."""

    async def begin(self, *, alone: bool) -> None:
        """Watch from now on what is to be watched. Alone on the store, whoever else was at something is gone."""
        self.secrets.watch.start()
        await self.witness.start(alone=alone)
        self.audit.checkpoints.start()

    def desk(self, engine: Engine, keeping: Keeping) -> Desk:
        """Return the desk of the process."""
        clock = SystemClock()
        most = self.identity.access.most
        runs = Runs(
            engine, keeping.revealed, keeping.blobs, self.published, self.witness,
            quotas=RunQuotas(keeping.tables, most, clock.now), shown=keeping.shown, flags=self.flags,
        )  # fmt: skip
        processes = Processes(keeping.tables, clock.now)
        return Desk(
            approvals=Approvals(runs, self.identity.access),
            audit=self.audit,
            bulks=Bulks(BulkTables(keeping.tables), runs, keeping.shown, now=clock.now, new_id=clock.new_id),
            definitions=self.definitions,
            git=self.git,
            expressions=Expressions(self.definitions.checker, self.catalogue),
            feeds=Feeds(engine, keeping.shown, self.audit, processes, clock.now),
            figures=RunFigures(keeping.shown, self.definitions.store, self.published, clock.now),
            identity=self.identity,
            moving=Moving(engine, keeping.revealed, self.published, self.witness, runs),
            key_uses=KeyUses(KeyUseTables(keeping.tables), clock.now),
            log_book=LogBook(runs, keeping.store, keeping.shown),
            privacy=privacy_on(keeping, self.identity.people, engine),
            runs=runs,
            trials=Trials(
                trial_tables(keeping.tables),
                runs,
                self.definitions,
                self.catalogue,
                now=clock.now,
                new_id=clock.new_id,
            ),
            secrets=self.secrets.secrets,
            secret_trials=self.secrets.trials,
            chores=chores_on(
                keeping.tables,
                keeping.store,
                keeping.blobs,
                self.data,
                runs=runs,
                definitions=self.definitions,
                access=self.identity.access,
                keys=self.secrets.keys,
                now=clock.now,
                new_id=clock.new_id,
            ),
            consents=self.secrets.consents,
            usage=self.usage,
            processes=processes,
            settings=self.settings,
            flags=self.flags,
            tracer=self.tracer,
        )


def open_services(  # noqa: PLR0913 (what stands on a store, and what it is told)
    data: Path,
    keeping: Keeping,
    catalogue: Catalogue,
    world: World,
    stack: AsyncExitStack,
    *,
    files: Path | None = None,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Services:
    """Return the services on an open store; they are closed with the stack. The world reveals what the store keeps."""
    clock = SystemClock()
    now, new_id = clock.now, clock.new_id
    marker = read_marker(data)
    assert marker is not None  # whoever opened the store has written it
    keys = open_keys(environment, data, marker.key, keeping.tables, now=now, new_id=new_id)
    held = settings_on(keeping.tables, data, now=now, environment=environment, command=settings)
    terms = SetTerms(held)
    audit = audit_on(keeping.tables, data, marker.key, now)
    stack.push_async_callback(audit.checkpoints.stop)
    witness = Witness(keeping.tables, now=now, new_id=new_id)
    audit.settled = witness.settled
    stack.push_async_callback(witness.close)
    identity = stack.enter_context(
        open_identity(keeping.tables, data, keys, world.http, now=now, new_id=new_id, terms=terms)
    )
    definitions = definitions_on(
        keeping.tables, catalogue, clock, wants_review=identity.access.wants_four_eyes, most=identity.access.most
    )  # fmt: skip
    flags = flags_on(keeping.tables, definitions.store, now=now)
    stack.push_async_callback(flags.stop)
    secrets = secret_services(
        environment, keys, keeping.tables, world.http, named_by=users_of(definitions), now=now, new_id=new_id,
        most=identity.access.most,
        in_flight=in_flight_of(SecretTables(keeping.tables), definitions.checker, _texts_of(keeping)),
    )  # fmt: skip
    stack.push_async_callback(secrets.close)
    world.use(secrets.stored)
    definitions.checker.use(named_secrets(world.look_for_secret))
    published = PublishedDefinitions(definitions.store, catalogue, beside=FolderDefinitions(files, catalogue))
    published.use(SecretsOver(definitions.checker, world.look_for_secret).refuse)
    usage = Usage(keeping.tables, data / "blobs", identity.access.most, now)
    stack.push_async_callback(usage.close)
    return Services(
        data=data,
        usage=usage,
        catalogue=catalogue,
        audit=audit,
        witness=witness,
        identity=identity,
        definitions=definitions,
        git=GitLinks(
            git_rows(keeping.tables),
            definitions,
            Reach(world.http, world.open_secret, world.redact_text, folders=folders_of(environment)),
            data / "git",
            now=now,
        ),
        secrets=secrets,
        settings=held,
        published=published,
        flags=flags,
        tracer=tracer_for(held, environment),
    )


def _texts_of(keeping: Keeping) -> Callable[[str], Awaitable[str]]:
    async def text_of(version: str) -> str:
        found = await keeping.revealed.version(version)
        return found.text if found is not None else ""

    return text_of


async def refuse_without_owner(host: str, data: Path, database: str) -> None:
    """Raise `NoOwnerError` where others than this machine could become the first owner."""
    if _is_own(host) or OwnedMark(data).is_set():
        return
    async with AsyncExitStack() as stack:
        keeping = await open_keeping(data, database, stack)
        if await had_owner(keeping.tables, data):
            return
    raise NoOwnerError(
        f"Nobody owns this installation yet, and {host or 'that address'!r} can be reached by others.",
        hint="Start it without --host and become its owner first, or make one: auraos owner rescue NAME",
    )


def _is_own(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
