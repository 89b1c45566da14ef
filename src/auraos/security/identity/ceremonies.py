"""The ceremonies of passkeys (WebAuthn), on values alone. What carries them out is slow to import, so this module is too."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from auraos.security.identity.rows import Passkey, Person

HOUSE = "AuraOS Automation"


class Signed(msgspec.Struct, frozen=True):
    """What a passkey said: which one it is, its public key where it is new, and how often it signed."""

    id: str
    public_key: bytes
    counter: int


def making(origin: str, challenge: bytes, person: Person, known: Iterable[Passkey]) -> dict[str, Any]:
    """Return what a browser is asked for to make a passkey of a person on this origin."""
    options = generate_registration_options(
        rp_id=_host(origin),
        rp_name=HOUSE,
        user_id=person.id.encode(),
        user_name=person.name,
        user_display_name=person.shown,
        challenge=challenge,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.id)) for each in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    asked: dict[str, Any] = json.loads(options_to_json(options))
    return asked


def made(origin: str, challenge: bytes, answer: dict[str, Any]) -> Signed | None:
    """Return the passkey that a browser made, None where the answer does not hold."""
    try:
        told = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_host(origin),
            expected_origin=origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError):
        return None
    return Signed(bytes_to_base64url(told.credential_id), told.credential_public_key, told.sign_count)


def asking(origin: str, challenge: bytes) -> dict[str, Any]:
    """Return what a browser is asked for to prove itself by any passkey that it has for this origin."""
    options = generate_authentication_options(
        rp_id=_host(origin), challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
    )
    asked: dict[str, Any] = json.loads(options_to_json(options))
    return asked


def proved(origin: str, challenge: bytes, answer: dict[str, Any], key: Passkey) -> Signed | None:
    """Return what a passkey signed, None where it is not this one, or not this challenge on this origin."""
    try:
        told = verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_host(origin),
            expected_origin=origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.counter,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError):
        return None
    return Signed(key.id, key.public_key, told.new_sign_count)


def _host(origin: str) -> str:
    return urlsplit(origin).hostname or ""
