"""What the worker can do. Each domain registers its tasks by name; nothing below needs to know who they are.

A task takes a `Work` and the named arguments it was queued with. It must bear being run twice: a worker that is
killed in the middle leaves it half done, and another one begins it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.settings import Settings

# Modules that register tasks, in the order of the layers; the worker imports them by name.
TASK_MODULES = (
    "app.photos.tasks",
    "app.reports.tasks",
    "app.notifications.tasks",
    "app.open311.tasks",
    "app.imports.tasks",
    "app.opendata.tasks",
)

MINUTE_S, HOUR_S = 60, 3600
# For what talks to somebody else's server: about a day in all.
BACKOFF_S = (MINUTE_S, 5 * MINUTE_S, 15 * MINUTE_S, HOUR_S, 3 * HOUR_S, 6 * HOUR_S, 12 * HOUR_S)


@dataclass(frozen=True)
class Work:
    """What a task works with. `is_last`: if it fails now, it is not tried again by itself."""

    engine: Engine
    settings: Settings
    is_last: bool = False


@dataclass(frozen=True)
class Task:
    """A task and when it is tried again: after so many seconds, once for each; cron (UTC) for what comes by itself."""

    name: str
    run: Callable[..., None]
    retry_after_s: tuple[int, ...]
    cron: str | None = None


TASKS: dict[str, Task] = {}
# Called every few seconds by each worker; they must bear being called by several at once.
WATCHES: list[Callable[[Work], object]] = []


def task(
    name: str, *, retry_after_s: tuple[int, ...] = BACKOFF_S, cron: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as the task of that name."""

    def register(run: Callable[..., None]) -> Callable[..., None]:
        TASKS[name] = Task(name, run, retry_after_s, cron)
        return run

    return register


def watch(look: Callable[[Work], Any]) -> Callable[[Work], Any]:
    """Register a function that the worker calls every few seconds."""
    if look not in WATCHES:
        WATCHES.append(look)
    return look
