"""Who may: every role against every guard."""

from __future__ import annotations

import pytest

from app.errors import ForbiddenError, NotSignedInError
from app.people.actor import ACCOUNT_ROLES, PUBLIC, SYSTEM, Actor, Role
from app.people.guards import require_role, require_signed_in, require_write


@pytest.mark.parametrize("role", ACCOUNT_ROLES)
@pytest.mark.parametrize("needed", ACCOUNT_ROLES)
def test_require_role(role: Role, needed: Role) -> None:
    actor = Actor(role, 1, 1)
    if role == needed:
        require_role(actor, needed)
    else:
        with pytest.raises(ForbiddenError):
            require_role(actor, needed)


def test_public_is_told_to_sign_in() -> None:
    for guard in (require_signed_in, require_write, lambda actor: require_role(actor, "admin")):
        with pytest.raises(NotSignedInError):
            guard(PUBLIC)


def test_system_may() -> None:
    require_signed_in(SYSTEM)
    require_write(SYSTEM)
    require_role(SYSTEM, "admin")


def test_read_scope_may_not_write_whatever_the_role() -> None:
    for role in ACCOUNT_ROLES:
        require_write(Actor(role, 1, 1))
        with pytest.raises(ForbiddenError):
            require_write(Actor(role, 1, 1, scope="read"))
