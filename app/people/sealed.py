"""Secrets of others that this service uses again: kept encrypted, each purpose under a key of its own."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken

from app.people.setup import derived_key


class UnreadableSecretError(Exception):
    """QUIETUDE_SECRET_KEY is another one than when the secret was stored."""


def seal(secret_key: str, purpose: str, secret: str) -> bytes:
    """What is stored."""
    return _cipher(secret_key, purpose).encrypt(secret.encode())


def unseal(secret_key: str, purpose: str, stored: bytes) -> str:
    """The secret again.

    Raises:
        UnreadableSecretError

    """
    try:
        return _cipher(secret_key, purpose).decrypt(stored).decode()
    except InvalidToken:
        raise UnreadableSecretError from None


def _cipher(secret_key: str, purpose: str) -> Fernet:
    return Fernet(derived_key(secret_key, purpose))
