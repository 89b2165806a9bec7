"""A worker in the test's own process, which does what is due and returns; and one in a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine, text

from app.jobs.registry import Work
from app.jobs.running import Options, look, run
from app.settings import Settings
from app.worker import context_of, load_tasks

ROOT = Path(__file__).parents[2]


def in_a_thread(work: Callable[[], None]) -> None:
    """Run what needs a loop of its own: Playwright, once started, keeps one in the tests' thread."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


@dataclass(frozen=True)
class Office:
    """What a worker needs, and what its settings are."""

    url: str
    engine: Engine
    owner: Engine
    app: Flask
    settings: Settings

    @property
    def work(self) -> Work:
        return Work(self.engine, self.settings)

    @property
    def context(self) -> Callable[[], AbstractContextManager[Any]]:
        return lambda: context_of(self.app)

    def look(self) -> None:
        """What the worker does every two seconds."""
        load_tasks()
        look(self.work, self.context)

    def do(self, stalled_s: float = 30.0) -> None:
        """Everything that is due now, four jobs at a time."""
        load_tasks()
        options = Options(wait=False, stalled_s=stalled_s)
        in_a_thread(lambda: asyncio.run(run(self.url, self.work, context=self.context, options=options)))

    def tell(self) -> None:
        """From the history to the mailbox."""
        self.look()
        self.do()

    def hurry(self) -> None:
        """What waits for its next try is due."""
        self.sql("UPDATE procrastinate_jobs SET scheduled_at = now() - interval '1 second' WHERE status = 'todo'")

    def sql(self, query: str, **binds: Any) -> list[Any]:
        """As the owner of the queue's tables, which have no policies; of others only what the owner sees."""
        with self.owner.begin() as connection:
            done = connection.execute(text(query), binds)
            return list(done) if done.returns_rows else []

    def process(self, var_dir: Path, **environment: str) -> subprocess.Popen[bytes]:
        """`quietude worker` as a process."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("QUIETUDE_")}
        settings = {"DATABASE_URL": self.url, "VAR_DIR": str(var_dir), "SECRET_KEY": self.settings.secret_key}
        ours = {f"QUIETUDE_{name}": value for name, value in (settings | environment).items()}
        return subprocess.Popen([sys.executable, "-P", str(ROOT / "tools/quietude.py"), "worker"], env=kept | ours)
