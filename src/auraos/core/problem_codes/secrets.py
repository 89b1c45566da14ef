"""Codes of the secrets that a document names, and of what is bound for a workspace."""

from auraos.core.problem_codes.code import ProblemCode

CODES = (
    ProblemCode(
        code="unknown-secret",
        title="A secret that does not exist",
        why="The step would fail for want of it.",
        bad=("steps:\n  a: {type: http.request, with: {url: 'https://a.example', secret: stok-api}}"),
        good=("steps:\n  a: {type: http.request, with: {url: 'https://a.example', secret: stock-api}}"),
    ),
    ProblemCode(
        code="secret-revoked",
        title="A secret that was revoked",
        why="Nothing opens it any more, so the step would fail.",
        reason="It takes a server that keeps the secret. Store a new version of it, or name another one.",
    ),
    ProblemCode(
        code="secret-expired",
        title="A secret that is over",
        why="It is used no more after its date, so the step would fail.",
        reason="It takes a server that keeps the secret. Store a new version of it, or a later date.",
    ),
    ProblemCode(
        code="secret-not-for-workflow",
        title="A secret that this workflow may not use",
        why="Whoever keeps the secret has named the workflows that may use it, and this is none of them.",
        reason="It takes a server that keeps the secret. Store it anew with this workflow among those, or name another one.",
    ),
    ProblemCode(
        code="secret-unbound",
        title="A secret that may go nowhere",
        why="A secret is sent only to the hosts that it is bound to, and it is bound to none.",
        reason="It takes a secret of the environment. Set `AURAOS_HOSTS_…` to the hosts that it may go to.",
    ),
    ProblemCode(
        code="secret-too-short",
        title="A secret that is too short",
        why="A very short value cannot be masked: it would stand in half of all texts.",
        reason="It takes a secret of the environment with fewer than four characters. Use a longer one.",
    ),
    ProblemCode(
        code="host-not-allowed",
        title="A secret that may not go to this host",
        why="A secret is sent only to the hosts that it is bound to, so the step would fail.",
        reason="It takes a secret that is bound to other hosts. Send it there, or bind it to this one by storing it anew.",
    ),
    ProblemCode(
        code="secret-from-data",
        title="A secret that data chooses",
        why=(
            "Whoever sends the data would choose which secret is used, and nobody could see from the workflow "
            "what it may use."
        ),
        bad=(
            "steps:\n  a: {type: http.request, with: {url: 'https://a.example', secret: '{{ input.name }}'}}"
        ),
        good=("steps:\n  a: {type: http.request, with: {url: 'https://a.example', secret: stock-api}}"),
    ),
    ProblemCode(
        code="plain-secret",
        title="A secret written out",
        why=(
            "Everybody who may read the workflow, its history and its backups could read it, and it "
            "cannot be changed in one place."
        ),
        bad=("steps:\n  a: {type: noop, with: {value: {password: hunter22}}}"),
        good=("steps:\n  a: {type: noop, with: {value: {user: ada}}}"),
    ),
    ProblemCode(
        code="unbound-variable",
        title="A variable that is not bound where it goes",
        why="It is bound in the workspace that it comes from; here it would go on with the value of there.",
        reason=(
            "It takes a promotion from one workspace to another. Bind the variable in the one that it goes to, or say that it"
            " stays as it is written."
        ),
    ),
    ProblemCode(
        code="secret-not-yours",
        title="A secret that you may not use",
        why="Whoever publishes a workflow uses the secrets that it names, and that takes a right.",
        reason="It takes a server. Whoever keeps the secret can grant its use; or somebody publishes it who may.",
    ),
    ProblemCode(
        code="workflow-not-yours",
        title="A workflow that you may not start",
        why="Whoever publishes a workflow starts those that it calls, whoever starts it later, and that takes a right.",
        reason="It takes a server. Whoever administers the workspace can grant it; or somebody publishes it who may.",
    ),
)
