"""The secret of a webhook: shown once, kept encrypted under a key of its own."""

from __future__ import annotations

import secrets

from cryptography.fernet import Fernet, InvalidToken

from app.people.setup import derived_key

# Lets secret scanners know one of ours when it leaks.
PREFIX = "qw_"


class UnreadableSecretError(Exception):
    """QUIETUDE_SECRET_KEY is another one than when the webhook was made."""


def make_secret() -> str:
    """256 random bits, as text."""
    return PREFIX + secrets.token_urlsafe(32)


def encrypt(secret_key: str, secret: str) -> bytes:
    """What is stored."""
    return _cipher(secret_key).encrypt(secret.encode())


def decrypt(secret_key: str, stored: bytes) -> str:
    """The secret again.

    Raises:
        UnreadableSecretError

    """
    try:
        return _cipher(secret_key).decrypt(stored).decode()
    except InvalidToken:
        raise UnreadableSecretError from None


def _cipher(secret_key: str) -> Fernet:
    return Fernet(derived_key(secret_key, "webhook secrets"))
