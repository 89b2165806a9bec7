"""Who is asking. One frozen value, made at the edge, handed down explicitly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["public", "agent", "partner", "planner", "coordinator", "admin"]
ACCOUNT_ROLES: tuple[Role, ...] = ("agent", "partner", "planner", "coordinator", "admin")


@dataclass(frozen=True)
class Actor:
    """An account, the public (nobody signed in), or the system itself.

    `scope` is what the way of signing in allows: a token may carry less than its account's role.
    """

    role: Role | Literal["system"]
    user_id: int | None = None
    organisation_id: int | None = None
    scope: Literal["read", "write"] = "write"

    @property
    def is_signed_in(self) -> bool:
        return self.user_id is not None

    @property
    def may_write(self) -> bool:
        return self.scope == "write" and self.role != "public"


PUBLIC = Actor(role="public", scope="read")
# Used by the heat cube, imports and jobs. Never made from a request.
SYSTEM = Actor(role="system")
