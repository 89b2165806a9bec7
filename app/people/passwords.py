"""Passwords: Argon2id, the same parameters for the command line and for the sign-in pages."""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 12
MAX_LENGTH = 128
# NFKD makes up to 18 characters of one, and the hash takes 4,096.
MOST_READ = 200

# OWASP Password Storage Cheat Sheet, Argon2id with 19 MiB, two passes, one lane: about 25 ms here, and eight sign-ins
# at once stay far below what a small server has.
MEMORY_KIB = 19_456
TIME_COST = 2
LANES = 1

_hasher = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=LANES)


def normalise(password: str) -> str:
    """NFKD, as the sign-in form does: the same keys typed on two systems are the same password."""
    return unicodedata.normalize("NFKD", password)


def hash_password(password: str) -> str:
    """The Argon2id hash in PHC string format, salted."""
    return _hasher.hash(normalise(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether `password` makes the stored hash."""
    try:
        return stored is not None and _hasher.verify(stored, normalise(password))
    except (VerificationError, InvalidHashError):
        return False
