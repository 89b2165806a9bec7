"""Rates and lock-out, with Flask-Limiter: too much of something is a 429 with Retry-After.

Counts are kept in each process's memory. With N workers a limit is therefore up to N times as high as written here,
and a restart forgets it; that is enough against guessing (an Argon2 hash is no 4-digit code) and needs no other server.
`app.config["RATELIMIT_ENABLED"] = False` switches all of it off at once, also after the application was made.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app, request
from flask_limiter import ApplicationLimit, Limiter
from limits import RateLimitItemPerMinute
from werkzeug.exceptions import TooManyRequests

from app.people.identity import bearer_token, rate_key, via_token

if TYPE_CHECKING:
    from collections.abc import Callable

SIGN_IN_POSTS = "10 per minute"
API_WRITES = "120 per minute"
TOKEN_REQUESTS = "600 per minute"  # noqa: S105
# Attempts at one account's password, or at its second factor.
ATTEMPTS = RateLimitItemPerMinute(5, 15)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
GUARDED_VIEWS = (
    "security.login",
    "security.forgot_password",
    "security.reset_password",
    "security.verify",
    "security.change_password",
    "security.two_factor_token_validation",
    "security.two_factor_setup_validate",
    "security.two_factor_rescue",
    "security.mf_recovery",
)


def is_on() -> bool:
    """Whether limits apply."""
    return bool(current_app.config["RATELIMIT_ENABLED"])


def take_attempt(kind: str, email: str) -> None:
    """Count one attempt (`kind`: "password" or "code") at an account, before it is looked at.

    Counted before the check, so that attempts at once cannot slip past, and by address whether or not there is such an
    account, so that being locked out tells nothing.

    Raises:
        TooManyRequests: five attempts failed within 15 minutes.

    """
    limiter = _limiter().limiter
    key = _key(kind, email)
    if is_on() and not limiter.hit(ATTEMPTS, key):
        reset_at = limiter.get_window_stats(ATTEMPTS, key).reset_time
        raise TooManyRequests(retry_after=max(1, int(reset_at - time.time()) + 1))


def attempt_succeeded(kind: str, email: str) -> None:
    """Forget the attempts: it was the right person."""
    _limiter().limiter.clear(ATTEMPTS, _key(kind, email))


def _key(kind: str, email: str) -> str:
    """Addresses are not kept in memory in the clear."""
    secret = str(current_app.config["SECRET_KEY"]).encode()
    return f"{kind}:{hmac.new(secret, email.strip().lower().encode(), hashlib.sha256).hexdigest()}"


def _limiter() -> Limiter:
    return cast("Limiter", current_app.extensions["quietude_limiter"])


def _address() -> str:
    return request.remote_addr or "unknown"


def _token_key() -> str:
    return hashlib.sha256((bearer_token() or "").encode()).hexdigest()


def _is_no_api_write() -> bool:
    return request.method in SAFE_METHODS or not request.path.startswith("/api/")


def init_app(app: Flask) -> None:
    """Set up the limiter; `guard_views` follows when the views are there."""
    app.config.setdefault("RATELIMIT_ENABLED", True)
    limiter = Limiter(
        _address,
        app=app,
        storage_uri="memory://",
        strategy="moving-window",
        headers_enabled=True,
        application_limits=[
            ApplicationLimit(API_WRITES, key_function=rate_key, scope="api", exempt_when=_is_no_api_write),
            ApplicationLimit(
                TOKEN_REQUESTS, key_function=_token_key, scope="token", exempt_when=lambda: not via_token()
            ),
        ],
    )
    limiter.request_filter(lambda: not is_on())
    app.extensions["quietude_limiter"] = limiter


def guard_views(app: Flask) -> None:
    """Limit the posts of everything that can be guessed at, per address."""
    limiter = cast("Limiter", app.extensions["quietude_limiter"])
    decorate = cast("Callable[..., Callable[..., object]]", limiter.limit(SIGN_IN_POSTS, methods=["POST"]))
    for name in GUARDED_VIEWS:
        app.view_functions[name] = cast("Callable[..., str]", decorate(app.view_functions[name]))
