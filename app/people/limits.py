"""Rates and lock-out, with Flask-Limiter: too much of something is a 429 with Retry-After.

Requests by token and changes by account are counted for all processes of a machine together (app/people/rates.py).
Guesses are counted in each process's memory. With N workers their limit is therefore up to N times as high as written
here, and a restart forgets it; that is enough against guessing (an Argon2 hash is no 4-digit code) and needs no other
server.
`app.config["RATELIMIT_ENABLED"] = False` switches all of it off at once, also after the application was made.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING, cast

from flask import Flask, Response, current_app, request
from flask_limiter import Limiter
from limits import RateLimitItemPerMinute
from werkzeug.exceptions import TooManyRequests

from app.people.identity import rate_key, token_quota
from app.people.rates import KEY_BYTES, SharedRates, Standing
from app.web.context import services

if TYPE_CHECKING:
    from collections.abc import Callable

SIGN_IN_POSTS = "10 per minute"
# A minute: changes of one account, requests of one token unless it has a limit of its own.
API_WRITES = 120
TOKEN_REQUESTS = 600
# Of one account: pieces of photos that have begun (150 MB as a phone cuts them), and questions how far one is.
PIECES = 600
# Attempts at one account's password, or at its second factor.
ATTEMPTS = RateLimitItemPerMinute(5, 15)

_RATES = "quietude.rates"
PIECE_VIEW = "photos_resumable.put"
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


def count_request() -> None:
    """Count this request for its token, and a change for its account.

    A token with a limit of its own was given it for its work: its changes are not counted a second time.

    Raises:
        TooManyRequests: there were too many within the last minute.

    """
    if not is_on():
        return
    quota = token_quota()
    if quota is not None:
        _count("token", quota.token_id.hex, quota.requests_per_minute or TOKEN_REQUESTS)
    if (quota is None or quota.requests_per_minute is None) and not _is_no_api_write():
        kind, most = ("pieces", PIECES) if _goes_on() else ("changes", API_WRITES)
        _count(kind, rate_key(), most)


def _count(kind: str, whose: str, limit: int) -> None:
    secret = str(current_app.config["SECRET_KEY"]).encode()[:64]
    key = hashlib.blake2b(f"{kind}:{whose}".encode(), digest_size=KEY_BYTES, key=secret).digest()
    rates = cast("SharedRates", current_app.extensions[_RATES])
    standing = rates.take(key, limit, time.time())
    known = cast("Standing | None", request.environ.get(_RATES))
    # Of two the one that ends first.
    if known is None or standing.remaining <= known.remaining:
        request.environ[_RATES] = standing
    if not standing.is_allowed:
        raise TooManyRequests(retry_after=standing.retry_after_s)


def say_standing(response: Response) -> Response:
    """The answer with RateLimit-Limit, -Remaining and -Reset, where something was counted."""
    standing = cast("Standing | None", request.environ.get(_RATES))
    if standing is not None:
        response.headers.extend(
            [
                ("RateLimit-Limit", str(standing.limit)),
                ("RateLimit-Remaining", str(standing.remaining)),
                ("RateLimit-Reset", str(standing.reset_s)),
            ]
        )
    return response


def _is_no_api_write() -> bool:
    return request.method in SAFE_METHODS or not request.path.startswith("/api/")


def _goes_on() -> bool:
    """Whether this is a piece of a photo that is not its first."""
    return request.endpoint == PIECE_VIEW and not request.headers.get("Content-Range", "bytes 0-").startswith(
        "bytes 0-"
    )


class _Guards(Limiter):
    """Flask-Limiter, for the views that `guard_views` wraps: it need not look for limits before every request."""

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:  # noqa: FBT001, FBT002
        if not in_middleware:
            super()._check_request_limit(callable_name, in_middleware)


def init_app(app: Flask) -> None:
    """Set up the limiter; `guard_views` follows when the views are there."""
    app.config.setdefault("RATELIMIT_ENABLED", True)
    limiter = _Guards(
        _address,
        app=app,
        storage_uri="memory://",
        strategy="moving-window",
        headers_enabled=True,
    )
    limiter.request_filter(lambda: not is_on())
    app.extensions["quietude_limiter"] = limiter
    with app.app_context():
        app.extensions[_RATES] = SharedRates(services().settings.var_dir)
    app.before_request(count_request)
    app.after_request(say_standing)


def guard_views(app: Flask) -> None:
    """Limit the posts of everything that can be guessed at, per address."""
    limiter = cast("Limiter", app.extensions["quietude_limiter"])
    decorate = cast("Callable[..., Callable[..., object]]", limiter.limit(SIGN_IN_POSTS, methods=["POST"]))
    for name in GUARDED_VIEWS:
        app.view_functions[name] = cast("Callable[..., str]", decorate(app.view_functions[name]))
