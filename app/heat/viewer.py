"""Who looks at the heat map: which visibilities are read exactly, and which only as protected groups. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from app.people.actor import Actor


@dataclass(frozen=True)
class Viewer:
    """`name` tells caches apart; two viewers of one name see the same."""

    name: Literal["public", "partner", "coordinator"]
    exact: frozenset[str]

    @property
    def is_protected(self) -> bool:
        """Whether nothing at all is read exactly."""
        return not self.exact

    @property
    def has_groups(self) -> bool:
        """Whether some reports are shown as protected groups."""
        return "restricted" not in self.exact


PUBLIC = Viewer("public", frozenset())
PARTNER = Viewer("partner", frozenset({"public", "partner"}))
COORDINATOR = Viewer("coordinator", frozenset({"public", "partner", "restricted"}))


def viewer_of(actor: Actor) -> Viewer:
    """Agents read rows of their own organisation and open ones only; in sums they see what partners see."""
    if actor.role in {"coordinator", "system"}:
        return COORDINATOR
    if actor.role in {"agent", "partner", "planner", "admin"}:
        return PARTNER
    return PUBLIC
