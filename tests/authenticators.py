"""A device that makes passkeys and signs with them, as WebAuthn has it: a real key, in software."""

import hashlib
import json
import os
from typing import Any
from urllib.parse import urlsplit

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Device:
    """A device with one passkey, in front of a browser that shows pages of an origin."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.flags = PRESENT | VERIFIED
        self.count = 0
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = os.urandom(16)
        self.user = b""

    @property
    def id(self) -> str:
        return bytes_to_base64url(self._id)

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return what a browser answers when it is asked for a new passkey."""
        self.user = base64url_to_bytes(options["user"]["id"])
        numbers = self._key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = b"\0" * 16 + len(self._id).to_bytes(2, "big") + self._id + cbor2.dumps(public)
        data = self._data(ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options["challenge"])
        return self._answer({"attestationObject": bytes_to_base64url(attestation), **client})

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return what a browser answers when it is asked to prove somebody."""
        self.count += 1
        data = self._data()
        client = self._client("webauthn.get", options["challenge"])
        signed = data + hashlib.sha256(base64url_to_bytes(client["clientDataJSON"])).digest()
        signature = self._key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "authenticatorData": bytes_to_base64url(data),
                "signature": bytes_to_base64url(signature),
                "userHandle": bytes_to_base64url(self.user),
                **client,
            }
        )

    def _data(self, more: int = 0) -> bytes:
        host = urlsplit(self.origin).hostname or ""
        counted = self.count.to_bytes(4, "big")
        return hashlib.sha256(host.encode()).digest() + bytes([self.flags | more]) + counted

    def _client(self, kind: str, challenge: str) -> dict[str, str]:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return {"clientDataJSON": bytes_to_base64url(json.dumps(told).encode())}

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        return {
            "id": self.id,
            "rawId": self.id,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }
