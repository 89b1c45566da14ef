"""How a secret gets into a request: opened for its host at the last moment, and put where its kind says, or else the step."""

import hashlib
import os
import ssl
from collections import OrderedDict

import msgspec

from auraos.sdk import StepFailed
from auraos.security.opened import Opened
from auraos.security.requests import Outgoing, with_secret
from auraos.security.reveal import Opener, refused

MOST_CERTIFICATES = 64


class Wish(msgspec.Struct, frozen=True):
    """Which secret a request is to carry, where if its kind says nothing of it, and who opens it."""

    name: str
    secret_in: str
    opener: Opener | None

    async def put_into(self, request: Outgoing) -> Outgoing:
        """Return the request with the secret in it; fail where the host of the request may not have it."""
        if self.opener is None:
            raise StepFailed("There are no secrets here.", error_class="credential", code="secret-missing")
        opened = await self.opener.open(self.name, host=request.host)
        match opened.place:
            case "tls":
                return msgspec.structs.replace(request, certificate=opened, carries_secret=True)
            case "local" | "smtp" | "database":
                raise refused(
                    "secret-not-for-http",
                    f"The secret {self.name!r} is of a kind that no request carries.",
                    "Use one of a kind for HTTP, as bearer, basic or header.",
                )
        return with_secret(request, opened.value, opened.place or self.secret_in)


class Certificates:
    """The certificates with which this process proves itself as a client, each ready for connections."""

    def __init__(self, trust: ssl.SSLContext | None) -> None:
        self._trust = trust
        self._contexts: OrderedDict[bytes, ssl.SSLContext] = OrderedDict()

    def context(self, opened: Opened) -> ssl.SSLContext:
        """Return what opens connections with a certificate; raise `StepFailed` for one that is none."""
        pem = f"{opened.certificate.strip()}\n{opened.value.strip()}\n".encode()
        mark = hashlib.sha256(pem).digest()
        found = self._contexts.get(mark)
        if found is None:
            found = self._contexts[mark] = with_certificate(pem, self._trust)
            if len(self._contexts) > MOST_CERTIFICATES:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(mark)
        return found


def with_certificate(pem: bytes, trust: ssl.SSLContext | None = None) -> ssl.SSLContext:
    """Return what opens connections as the bearer of a certificate with its key; it never comes near a disk."""
    context = ssl.create_default_context()
    if trust is not None:
        context.load_verify_locations(cadata=b"".join(trust.get_ca_certs(binary_form=True)))
    descriptor = os.memfd_create("client", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=_no_passphrase)
    except (ssl.SSLError, OSError, ValueError):
        raise refused(
            "certificate-unusable",
            "The certificate and the key do not belong together, or are not written in PEM.",
            "The key must be without a passphrase.",
        ) from None
    finally:
        os.close(descriptor)
    return context


def _no_passphrase() -> str:
    raise ValueError("a passphrase is wanted")
