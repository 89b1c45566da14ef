"""Kinds of credentials: what each is made of, where it goes, and that it never shows itself."""

import msgspec
import pytest
from certificates import make as make_certificates

from auraos.core.schemas import SchemaCheck
from auraos.security.secrets.checking import Value, read_value
from auraos.security.secrets.credentials import (
    KINDS,
    Basic,
    Bearer,
    Credential,
    CredentialError,
    Database,
    Header,
    Hmac,
    OAuth2Client,
    OAuth2Refresh,
    Smtp,
    Text,
    TlsClient,
    from_elsewhere,
    hidden_parts,
    kinds,
)
from auraos.security.secrets.errors import SecretRefusedError

CANARY = "canary-5f2b9c"
ALL = {
    "text": Text(value=CANARY),
    "header": Header(name="X-Api-Key", value=CANARY),
    "basic": Basic(user="me", password=CANARY),
    "bearer": Bearer(token=CANARY),
    "oauth2-client": OAuth2Client(token_url="https://a.example/token", client_id="me", client_secret=CANARY),
    "oauth2-refresh": OAuth2Refresh(
        token_url="https://a.example/token", client_id="me", client_secret=CANARY, refresh_token=CANARY
    ),
    "hmac": Hmac(key=CANARY),
    "tls-client": TlsClient(certificate="c", key=CANARY),
    "smtp": Smtp(host="x.com", user="me", password=CANARY),
    "database": Database(host="x.com", database="d", user="me", password=CANARY),
}


def test_there_is_an_example_of_every_kind():
    assert ALL.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", ALL)
def test_a_credential_never_shows_itself(kind):
    credential = ALL[kind]
    shown = f"{credential!r} {credential} {Value(credential=credential, hosts=('x.com',))!r}"
    assert CANARY not in shown
    assert CANARY in hidden_parts(credential).values()


@pytest.mark.parametrize("kind", ALL)
def test_the_schema_of_a_kind_takes_what_is_of_this_kind_and_nothing_else(kind):
    schemas = {each.kind: each for each in kinds()}
    check = SchemaCheck(schemas[kind].schema)
    built = msgspec.to_builtins(ALL[kind])
    assert check.mismatches(built) == []
    assert check.mismatches({**built, "more_of_it": 1})
    assert check.mismatches({"kind": kind})
    assert msgspec.convert(built, Credential) == ALL[kind]
    assert schemas[kind].goes


def test_the_parts_of_a_kind_that_must_not_be_seen_are_write_only():
    schema = next(each.schema for each in kinds() if each.kind == "oauth2-refresh")
    hidden = {name for name, part in schema["properties"].items() if part.get("writeOnly")}
    assert hidden == {"client_secret", "refresh_token"}


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        ("text", "", CANARY),
        ("header", "header:X-Api-Key", CANARY),
        ("basic", "basic", f"me:{CANARY}"),
        ("bearer", "bearer", CANARY),
        ("hmac", "local", CANARY),
        ("smtp", "smtp", CANARY),
        ("database", "database", CANARY),
    ],
)
def test_a_kind_says_where_it_goes(kind, place, value):
    opened = ALL[kind].opened()
    assert (opened.place, opened.value) == (place, value)
    assert CANARY in opened.hidden
    assert CANARY not in repr(opened)


@pytest.mark.parametrize(
    ("credential", "hosts", "says"),
    [
        (Text(value="abc"), ("x.com",), "credential.value: fewer than 4"),
        (Text(value="x" * 70_000), ("x.com",), "credential.value: it is too long"),
        (Text(value="with\0zero"), ("x.com",), "credential.value: it has a zero byte"),
        (Bearer(token="line\nbreak"), ("x.com",), "line break"),
        (Header(name="X-Key", value="line\r\nX: y"), ("x.com",), "line break"),
        (Basic(user="a:b", password="longer"), ("x.com",), "credential.user: it has a colon"),
        (Hmac(key="longer"), ("x.com",), "`@local` is all"),
        (Text(value="longer"), ("https://x.com",), "is no host"),
        (Text(value="longer"), ("*",), "is no host"),
        (
            Smtp(host="y.com", user="a", password="longer"),
            ("x.com",),
            "the host of the server is not among them",
        ),
        (OAuth2Client(token_url="ftp://x", client_id="a"), ("x.com",), "credential.token_url"),
        (OAuth2Client(token_url="https://u:p@x.com", client_id="a"), ("x.com",), "credential.token_url"),
        (
            OAuth2Client(token_url="https://x.com", client_id="a", more={"grant_type": "x"}),
            ("x.com",),
            "grant_type is said elsewhere",
        ),
        (TlsClient(certificate="nonsense", key="nonsense"), ("x.com",), "do not belong together"),
    ],
)
def test_what_cannot_be_used_is_refused_by_the_name_of_its_part(credential, hosts, says):
    with pytest.raises(SecretRefusedError) as refused:
        read_value(Value(credential=credential, hosts=hosts))
    told = " ".join(refused.value.data["problems"])
    assert says in told
    assert not any(part in told for part in hidden_parts(credential).values() if len(part) > 4)


def test_a_certificate_with_its_key_is_taken_and_one_with_another_key_is_not(tmp_path):
    made = make_certificates(tmp_path)
    certificate, key, other = (
        (made / name).read_text() for name in ("good.pem", "good.key", "other_name.key")
    )
    assert read_value(Value(credential=TlsClient(certificate=certificate, key=key), hosts=("x.com",)))
    with pytest.raises(SecretRefusedError):
        read_value(Value(credential=TlsClient(certificate=certificate, key=other), hosts=("x.com",)))


@pytest.mark.parametrize(
    ("kind", "found", "credential"),
    [
        ("text", CANARY, Text(value=CANARY)),
        ("bearer", CANARY, Bearer(token=CANARY)),
        ("hmac", CANARY, Hmac(key=CANARY)),
        ("basic", {"user": "me", "password": CANARY}, Basic(user="me", password=CANARY)),
        ("basic", '{"user": "me", "password": "longer"}', Basic(user="me", password="longer")),
    ],
)
def test_what_is_kept_elsewhere_becomes_a_credential(kind, found, credential):
    assert from_elsewhere(kind, found) == credential


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("basic", CANARY),
        ("basic", {"user": CANARY}),
        ("basic", {"user": "me", "password": [CANARY]}),
        ("bearer", {"tokens": CANARY}),
        ("smtp", {"host": "x", "user": "a", "password": "b", "port": CANARY}),
        ("smtp", {"host": "x", "user": "a", "password": "b", "encryption": CANARY}),
        ("smtp", {"host": "x", "user": "a", "password": "b", CANARY: 1}),
    ],
)
def test_what_is_no_credential_is_refused_without_being_shown(kind, found):
    with pytest.raises(CredentialError) as refused:
        from_elsewhere(kind, found)
    assert CANARY not in str(refused.value)
