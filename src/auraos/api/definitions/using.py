"""What definitions name that belongs to others: whoever brings a text in may use the secrets and start the workflows in it.

A run does what its text says, whoever started it. So it is whoever wrote or published the text who vouches for what it names.
"""

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.workspaces.secrets import secret_at
from auraos.core.graph.findings import Findings
from auraos.core.kind import OF_SECRETS
from auraos.core.problems import Problem
from auraos.documents.definitions.rows import Ref
from auraos.security.access.authorize import Thing
from auraos.security.access.errors import NotAllowedError
from auraos.security.access.scope import Scope, scope_of

WORKFLOW = "workflow"
LEADS = ("runs.start", "definitions.publish")
"""Who may do one of these to a workflow may let others call it: they start it, or say what it does."""


async def require_use(ask: Ask, *texts: str) -> None:
    """Raise `NotAllowedError` for definitions that name what whoever asks may not use; it tells of all of it."""
    found = [problem for text in texts for problem in await not_to_be_used(ask, text)]
    if found:
        raise NotAllowedError(found[0].message, hint=found[0].hint, problems=tuple(found))


async def not_to_be_used(ask: Ask, text: str) -> list[Problem]:
    """Return where a text names a secret that whoever asks may not use, or a workflow that they may not start."""
    secrets, workflows = ask.scope("secrets.use"), _led_by(ask)
    if secrets.is_whole and any(each.is_whole for each in workflows):
        return []
    read = await ask.desk.definitions.checker.read(text)
    if read.document is None:
        return []
    findings = Findings(read.document.tree, text)
    for named in read.names:
        if named.kind == OF_SECRETS and not secrets.reaches(await secret_at(ask, named.name)):
            message = f"It names the secret {named.name!r}, which {ask.known.name} may not use."
            hint = "Whoever keeps the secret can grant its use."
            findings.add("secret-not-yours", named.path, message, hint=hint)
        elif named.kind == WORKFLOW:
            called = await _workflow(ask, named.name)
            if called is not None and not any(each.reaches(called) for each in workflows):
                message = f"It calls the workflow {named.name!r}, which {ask.known.name} may not start."
                hint = "Whoever administers the workspace can grant its start."
                findings.add("workflow-not-yours", named.path, message, hint=hint)
    return findings.problems


def _led_by(ask: Ask) -> list[Scope]:
    """Return which workflows whoever asks leads; by a key that is for something else, those that they would lead without it."""
    who = msgspec.structs.replace(ask.known, scopes=None)
    scopes = [scope_of(who, action, ask.workspace, roles=ask.roles) for action in LEADS]
    return [scope for scope in scopes if scope is not None]


async def _workflow(ask: Ask, name: str) -> Thing | None:
    """Return what a workflow is to those who may do something to some of them only; None for one that is not there."""
    row = await ask.desk.definitions.store.find(Ref(ask.workspace, WORKFLOW, name))
    return None if row is None else Thing(kind=WORKFLOW, name=name, labels=row.labels)
