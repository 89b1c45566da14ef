"""Kinds of credentials: what each is made of, and which of its parts goes where.

A credential of a kind goes where its kind says, whatever a step wishes; only plain text goes where the step says.
"""

from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, get_args

import msgspec

from auraos.core.errors import UserError
from auraos.security.opened import Hidden, Opened

LONGEST_PART = 64 * 1024

Hide: TypeAlias = Annotated[str, msgspec.Meta(extra_json_schema={"writeOnly": True, "format": "password"})]
"""A part that is never shown again."""


def _described(words: str) -> msgspec.Meta:
    return msgspec.Meta(description=words)


class _Credential(Hidden, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all kinds have: they say where their parts go, and open."""

    goes: ClassVar[dict[str, str]] = {}
    """Where each part goes, in words."""
    simple: ClassVar[str] = ""
    """The one part that a plain text from elsewhere can stand for."""
    is_local: ClassVar[bool] = False
    """Whether it is only used here, and bound to `@local`."""


class Text(_Credential, frozen=True, kw_only=True, tag="text"):
    """Plain text, which goes where the step says."""

    goes: ClassVar = {"value": "where the setting secret_in of the step says"}
    simple: ClassVar = "value"
    value: Hide

    def opened(self) -> Opened:
        return Opened(value=self.value, hidden=(self.value,))


class Header(_Credential, frozen=True, kw_only=True, tag="header"):
    """A header of requests, as `X-Api-Key`."""

    goes: ClassVar = {"name": "the name of the header", "value": "the header of this name"}
    name: Annotated[
        str, msgspec.Meta(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$", description="As in X-Api-Key.")
    ]
    value: Hide

    def opened(self) -> Opened:
        return Opened(value=self.value, place=f"header:{self.name}", hidden=(self.value,))


class Basic(_Credential, frozen=True, kw_only=True, tag="basic"):
    """A user and a password."""

    goes: ClassVar = {
        "user": "the header Authorization: Basic",
        "password": "the header Authorization: Basic",
    }
    user: str
    password: Hide

    def opened(self) -> Opened:
        pair = f"{self.user}:{self.password}"
        return Opened(value=pair, place="basic", hidden=(self.password, pair))


class Bearer(_Credential, frozen=True, kw_only=True, tag="bearer"):
    """A token."""

    goes: ClassVar = {"token": "the header Authorization: Bearer"}
    simple: ClassVar = "token"
    token: Hide

    def opened(self) -> Opened:
        return Opened(value=self.token, place="bearer", hidden=(self.token,))


class _OAuth2(_Credential, frozen=True, kw_only=True):
    """What is exchanged for tokens that soon expire."""

    token_url: Annotated[str, _described("Where tokens are got: https, and no user or password in it.")]
    client_id: str
    client_secret: Hide = ""
    scope: Annotated[str, _described("What is asked for, separated by spaces.")] = ""
    sent_as: Annotated[
        Literal["header", "form"], _described("How the client proves itself where tokens are got.")
    ] = "header"
    more: Annotated[dict[str, str], _described("What else that place wants to be told, as `audience`.")] = (
        msgspec.field(default_factory=dict)
    )


class OAuth2Client(_OAuth2, frozen=True, kw_only=True, tag="oauth2-client"):
    """OAuth 2.0 client credentials."""

    goes: ClassVar = {
        "client_secret": "the host of token_url, and no other",
        "the token that it gives": "the header Authorization: Bearer",
    }


class OAuth2Refresh(_OAuth2, frozen=True, kw_only=True, tag="oauth2-refresh"):
    """OAuth 2.0 with a refresh token, which is renewed and kept."""

    goes: ClassVar = {
        "client_secret": "the host of token_url, and no other",
        "refresh_token": "the host of token_url, and no other",
        "the token that it gives": "the header Authorization: Bearer",
    }
    refresh_token: Hide


class Hmac(_Credential, frozen=True, kw_only=True, tag="hmac"):
    """A key to sign with: it is used in a step and sent nowhere."""

    goes: ClassVar = {"key": "nowhere: steps sign with it"}
    simple: ClassVar = "key"
    is_local: ClassVar = True
    key: Hide

    def opened(self) -> Opened:
        return Opened(value=self.key, place="local", hidden=(self.key,))


class TlsClient(_Credential, frozen=True, kw_only=True, tag="tls-client"):
    """A certificate of a client, with its key."""

    goes: ClassVar = {
        "certificate": "the beginning of the encrypted connection",
        "key": "nowhere: it proves the certificate",
    }
    certificate: Annotated[str, _described("In PEM, with those that lead to its authority.")]
    key: Annotated[Hide, _described("In PEM, without a passphrase.")]

    def opened(self) -> Opened:
        lines = tuple(line for line in self.key.splitlines() if len(line) >= 32 and "-----" not in line)
        return Opened(value=self.key, place="tls", certificate=self.certificate, hidden=(self.key, *lines))


class Smtp(_Credential, frozen=True, kw_only=True, tag="smtp"):
    """A mail server that takes mail from a user."""

    goes: ClassVar = {
        "user": "AUTH at this server",
        "password": "AUTH at this server, once the connection is encrypted",
    }
    host: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    encryption: Literal["starttls", "tls"] = "starttls"
    user: str
    password: Hide

    def opened(self) -> Opened:
        parts = {"host": self.host, "port": str(self.port), "encryption": self.encryption, "user": self.user}
        return Opened(value=self.password, place="smtp", parts=parts, hidden=(self.password,))


class Database(_Credential, frozen=True, kw_only=True, tag="database"):
    """A database that takes statements from a user."""

    goes: ClassVar = {"user": "the sign-in at this server", "password": "the sign-in at this server"}
    product: Literal["postgresql", "mysql", "mariadb", "mssql"] = "postgresql"
    host: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 5432
    database: str
    user: str
    password: Hide

    def opened(self) -> Opened:
        parts = {
            "product": self.product, "host": self.host, "port": str(self.port), "database": self.database,
            "user": self.user,
        }  # fmt: skip
        return Opened(value=self.password, place="database", parts=parts, hidden=(self.password,))


Credential: TypeAlias = (
    Text | Header | Basic | Bearer | OAuth2Client | OAuth2Refresh | Hmac | TlsClient | Smtp | Database
)
Exchanged: TypeAlias = OAuth2Client | OAuth2Refresh
Kind: TypeAlias = Literal[
    "text",
    "header",
    "basic",
    "bearer",
    "oauth2-client",
    "oauth2-refresh",
    "hmac",
    "tls-client",
    "smtp",
    "database",
]
KINDS: Final[dict[str, Any]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Credential)}


class CredentialError(UserError):
    """A value is not what a credential of its kind is made of."""

    code = "credential-refused"


class KindFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a kind of credential is."""

    kind: str
    title: str
    goes: dict[str, str]
    schema: Annotated[dict[str, Any], _described("The JSON Schema of its parts.")]


def kinds() -> tuple[KindFacts, ...]:
    """Return all kinds with their schemas."""
    return tuple(
        KindFacts(
            kind=name,
            title=(kind.__doc__ or "").partition("\n")[0].rstrip("."),
            goes=kind.goes,
            schema=_schema(kind),
        )
        for name, kind in KINDS.items()
    )


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), definitions = msgspec.json.schema_components([kind], ref_template="{name}")
    found: dict[str, Any] = definitions[schema["$ref"]]
    return found


def kind_of(credential: Credential) -> str:
    """Return the name of the kind of a credential."""
    return str(credential.__struct_config__.tag)


def hidden_parts(credential: Credential) -> dict[str, str]:
    """Return the parts that must not be seen, by name."""
    return {name: getattr(credential, name) for name in _HIDDEN[kind_of(credential)]}


def from_elsewhere(kind: str, found: str | dict[str, Any]) -> Credential:
    """Return the credential that a text or fields from elsewhere make; what is wrong is told without them."""
    wanted = KINDS[kind]
    if isinstance(found, str):
        found = {wanted.simple: found} if wanted.simple else _fields(kind, found)
    try:
        credential: Credential = msgspec.convert({**found, "kind": kind}, wanted)
    except msgspec.ValidationError as error:
        words = str(error).partition(" - at ")
        raise CredentialError(
            f"What was found is no credential of kind {kind!r}: {_safe(words[0])}{words[2] and ' at ' + words[2]}.",
            hint="The page of the kind says what it is made of.",
        ) from None
    return credential


def _fields(kind: str, text: str) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise CredentialError(
            f"A credential of kind {kind!r} has several parts, and what was found is no JSON object of them."
        ) from None
    return fields


def _safe(words: str) -> str:
    """Return what msgspec says of a mistake where that names types and fields of the kind; all else may be what was found."""
    return words if words.startswith(("Expected", "Object missing")) else "a part of it is another one"


_HIDDEN: Final = {
    name: [part for part, schema in _schema(kind)["properties"].items() if schema.get("writeOnly")]
    for name, kind in KINDS.items()
}
