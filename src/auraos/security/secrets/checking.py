"""What must hold of a secret before it is kept. What is wrong is told by the name of the part, never by its value."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import msgspec
from cryptography.x509 import load_pem_x509_certificate

from auraos.core.failures import StepFailed
from auraos.security.binding import HERE, is_bound, is_host
from auraos.security.redaction import SHORTEST
from auraos.security.requests import read_headers, read_url
from auraos.security.secrets.credentials import (
    KINDS,
    LONGEST_PART,
    Basic,
    Credential,
    Database,
    Kind,
    OAuth2Client,
    OAuth2Refresh,
    Smtp,
    TlsClient,
    hidden_parts,
    kind_of,
)
from auraos.security.secrets.errors import SecretRefusedError
from auraos.security.secrets.sealed import Sealed
from auraos.security.secrets.sources import Source
from auraos.security.sending_secrets import with_certificate

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
LONGEST_NAME: Final = 100
MOST_HOSTS: Final = 50
MOST_WORKFLOWS: Final = 500

Host = Annotated[
    str,
    msgspec.Meta(
        max_length=253, description="As in `stock.example` or `*.stock.example`; `@local` for use in steps."
    ),
]


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value with where it may go: the credential itself, or of which kind it is and where it is kept."""

    credential: Credential | None = None
    kind: Kind = "text"
    """Of what is kept elsewhere."""
    source: Source | None = None
    hosts: Annotated[tuple[Host, ...], msgspec.Meta(min_length=1, max_length=MOST_HOSTS)]
    workflows: Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_WORKFLOWS)] = ()
    """Which workflows may use it; none stands for all of the workspace."""

    def __repr__(self) -> str:
        return "Value(…)"


def read_value(value: Value) -> Sealed:
    """Return what is to be sealed; raise `SecretRefusedError` with all that is wrong."""
    kind = kind_of(value.credential) if value.credential is not None else value.kind
    hosts = tuple(dict.fromkeys(host.strip().lower() for host in value.hosts))
    faults = [*_faults_of_binding(kind, hosts), *_faults_of_source(value)]
    if value.credential is not None:
        faults += _faults_of(value.credential, hosts)
    if faults:
        raise SecretRefusedError("The secret cannot be kept like this.", problems=faults)
    return Sealed(
        kind=kind, credential=value.credential, source=value.source, hosts=hosts, workflows=value.workflows
    )


def end_of(sealed: Sealed) -> int:
    """Return when a credential expires by what it says itself, in microseconds since 1970; 0 where it says nothing."""
    if not isinstance(sealed.credential, TlsClient):
        return 0
    certificate = load_pem_x509_certificate(sealed.credential.certificate.strip().encode())
    return int(certificate.not_valid_after_utc.timestamp()) * 1_000_000


def refuse_name(name: str) -> None:
    """Raise `SecretRefusedError` for what cannot be the name of a secret."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise SecretRefusedError(
            "This cannot be the name of a secret.",
            hint="Use small letters, digits and single -, as in stock-api.",
        )


def _faults_of_binding(kind: str, hosts: Sequence[str]) -> Iterator[str]:
    if not hosts:
        yield "hosts: it must be bound to a host, or to `@local`."
    for host in hosts:
        if not is_host(host):
            yield f"hosts: {host!r} is no host. Write hosts only, without a scheme, port or path."
    if KINDS[kind].is_local and tuple(hosts) != (HERE,):
        yield f"hosts: a secret of kind {kind} is sent nowhere, so `@local` is all it can be bound to."


def _faults_of_source(value: Value) -> Iterator[str]:
    if (value.credential is None) == (value.source is None):
        yield "credential: give either a credential, or a source where it is kept."


def _faults_of(credential: Credential, hosts: Sequence[str]) -> Iterator[str]:
    for name, part in hidden_parts(credential).items():
        if part or name != "client_secret":
            yield from _faults_of_part(name, part)
    match credential:
        case OAuth2Client() | OAuth2Refresh():
            yield from _faults_of_exchange(credential)
        case Smtp(host=host) | Database(host=host):
            if not is_bound(hosts, host):
                yield "hosts: the host of the server is not among them."
        case Basic(user=user):
            if ":" in user:
                yield "credential.user: it has a colon, where the password would begin."
        case TlsClient():
            try:
                with_certificate(f"{credential.certificate.strip()}\n{credential.key.strip()}\n".encode())
            except StepFailed as failure:
                yield f"credential.certificate: {failure.message}"
        case _:
            opened = credential.opened()
            if opened.place.startswith("header") or opened.place == "bearer":
                yield from _faults_of_header(opened.value)


def _faults_of_part(name: str, part: str) -> Iterator[str]:
    if len(part) > LONGEST_PART:
        yield f"credential.{name}: it is too long."
    elif len(part) < SHORTEST:
        yield f"credential.{name}: fewer than {SHORTEST} characters could not be masked."
    elif "\0" in part:
        yield f"credential.{name}: it has a zero byte."


def _faults_of_exchange(credential: OAuth2Client | OAuth2Refresh) -> Iterator[str]:
    try:
        read_url(credential.token_url)
    except StepFailed as failure:
        yield f"credential.token_url: {failure.message}"
    taken = {"grant_type", "client_id", "client_secret", "refresh_token", "scope"} & credential.more.keys()
    if taken:
        yield f"credential.more: {', '.join(sorted(taken))} is said elsewhere."


def _faults_of_header(value: str) -> Iterator[str]:
    try:
        read_headers({"X-Value": value})
    except StepFailed:
        yield "credential: it has a line break or a control character, and goes into a header."
