"""The secret of a webhook: shown once, kept encrypted under a key of its own (app/people/sealed.py)."""

from __future__ import annotations

import secrets

from app.people.sealed import UnreadableSecretError, seal, unseal

__all__ = ["UnreadableSecretError", "decrypt", "encrypt", "make_secret"]

# Lets secret scanners know one of ours when it leaks.
PREFIX = "qw_"
_PURPOSE = "webhook secrets"


def make_secret() -> str:
    """256 random bits, as text."""
    return PREFIX + secrets.token_urlsafe(32)


def encrypt(secret_key: str, secret: str) -> bytes:
    """What is stored."""
    return seal(secret_key, _PURPOSE, secret)


def decrypt(secret_key: str, stored: bytes) -> str:
    """The secret again.

    Raises:
        UnreadableSecretError

    """
    return unseal(secret_key, _PURPOSE, stored)
