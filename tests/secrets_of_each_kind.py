"""A credential of each kind that there is, with a canary in all that must not be seen of it."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from auraos.security.secrets.credentials import (
    KINDS,
    Basic,
    Bearer,
    Credential,
    Database,
    Header,
    Hmac,
    OAuth2Client,
    OAuth2Refresh,
    Smtp,
    Text,
    TlsClient,
    hidden_parts,
)

NOT_FOR_HTTP = ("hmac", "smtp", "database")
"""The kinds that no request carries."""


def one_of_each(canary: str, *, host: str = "127.0.0.1", port: int = 1) -> dict[str, Credential]:
    """Return a credential of each kind; a mail server, a database and a place that gives tokens are at this host and port."""
    token_url = f"http://{host}:{port}/token"
    certificate, key = certificate_and_key()
    server: dict[str, Any] = {"host": host, "port": port, "user": "me", "password": canary}
    made = {
        "text": Text(value=canary),
        "header": Header(name="X-Api-Key", value=canary),
        "basic": Basic(user="me", password=canary),
        "bearer": Bearer(token=canary),
        "oauth2-client": OAuth2Client(
            token_url=token_url, client_id="me", client_secret=canary, sent_as="form"
        ),
        "oauth2-refresh": OAuth2Refresh(
            token_url=token_url, client_id="me", client_secret=canary, refresh_token=canary
        ),
        "hmac": Hmac(key=canary),
        "tls-client": TlsClient(certificate=certificate, key=key),
        "smtp": Smtp(**server),
        "database": Database(database="d", **server),
    }
    assert made.keys() == KINDS.keys()
    return made


def hidden(credentials: dict[str, Credential]) -> dict[str, str]:
    """Return all that must not be seen of these, by kind and part."""
    return {
        f"{kind}.{name}": part
        for kind, credential in credentials.items()
        for name, part in hidden_parts(credential).items()
        if part
    }


@cache
def certificate_and_key() -> tuple[str, str]:
    """Return a certificate that signs itself, and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * 10))
        .sign(key, hashes.SHA256())
    )
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), written.decode()
