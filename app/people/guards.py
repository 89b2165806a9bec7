"""Who may: three questions that every action asks before it does anything. Row-level security is the floor below."""

from __future__ import annotations

from app.errors import ForbiddenError, NotSignedInError
from app.people.actor import Actor, Role


def require_signed_in(actor: Actor) -> None:
    """Somebody with an account, or the system itself.

    Raises:
        NotSignedInError: nobody is signed in.

    """
    if not actor.is_signed_in and actor.role != "system":
        raise NotSignedInError


def require_role(actor: Actor, *roles: Role) -> None:
    """One of these roles, or the system itself.

    Raises:
        NotSignedInError: nobody is signed in.
        ForbiddenError: signed in with another role.

    """
    require_signed_in(actor)
    if actor.role != "system" and actor.role not in roles:
        raise ForbiddenError(f"needs one of the roles {', '.join(roles)}")


def require_write(actor: Actor) -> None:
    """Signed in by session, or by a token of scope `write`.

    Raises:
        NotSignedInError: nobody is signed in.
        ForbiddenError: the token may only read.

    """
    require_signed_in(actor)
    if not actor.may_write:
        raise ForbiddenError("this token may only read")
