"""The desk behind the doors: the services that whoever comes through one is served by."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from auraos.app.serving.sharing import alone

if TYPE_CHECKING:
    from auraos.app.bulk.bulks import Bulks
    from auraos.app.chores.chores import Chores
    from auraos.app.expressions import Expressions
    from auraos.app.git.links import GitLinks
    from auraos.app.privacy.privacy import Privacy
    from auraos.app.runs.approvals import Approvals
    from auraos.app.runs.figures import RunFigures
    from auraos.app.runs.log_search import LogBook
    from auraos.app.runs.moving import Moving
    from auraos.app.runs.quotas import Usage
    from auraos.app.runs.runs import Runs
    from auraos.app.serving.feeds import Feeds
    from auraos.app.trials.trials import Trials
    from auraos.documents.definitions.service import Definitions
    from auraos.observability.traces import Tracer
    from auraos.security.audit.trail import AuditTrail
    from auraos.security.identity.identity import Identity
    from auraos.security.identity.key_uses import KeyUses
    from auraos.security.secrets.consents import Consents
    from auraos.security.secrets.service import Secrets
    from auraos.security.secrets.trying import Trials as SecretTrials
    from auraos.settings.flags.service import Flags
    from auraos.settings.service import Settings


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What a process can do for those who ask. Whoever calls a service has asked whether the actor may."""

    approvals: "Approvals"
    audit: "AuditTrail"
    bulks: "Bulks"
    chores: "Chores"
    consents: "Consents"
    definitions: "Definitions"
    git: "GitLinks"
    expressions: "Expressions"
    feeds: "Feeds"
    figures: "RunFigures"
    identity: "Identity"
    moving: "Moving"
    key_uses: "KeyUses"
    log_book: "LogBook"
    privacy: "Privacy"
    runs: "Runs"
    secrets: "Secrets"
    secret_trials: "SecretTrials"
    usage: "Usage"
    processes: Callable[[], int] = alone
    """Says how many processes share the store."""
    settings: "Settings"
    flags: "Flags"
    tracer: "Tracer | None" = None
    trials: "Trials"
