"""Tokens: what sessions and keys are carried by. Only their digests are kept; they are long enough that none can be guessed."""

import hashlib
import secrets

SESSION, KEY, SETUP, INVITATION, DIRECTORY = "aus_", "auk_", "auo_", "aui_", "aud_"
"""How a token of each kind begins, so that one that leaks is known for what it is."""
_BYTES = 32


def new_token(kind: str) -> str:
    """Return a new token of a kind."""
    return kind + secrets.token_urlsafe(_BYTES)


def digest(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
