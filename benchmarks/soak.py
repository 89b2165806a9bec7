"""`make soak`: agents report over a network that breaks, to a server that is killed. Everything must arrive, once.

A run has a seed. Three phones enter 200 reports with 100 photos, and passages and confirmations between them; meanwhile
the network is cut and restored, answers are lost after the server has acted, the server's processes and its database
are killed with -9, and tabs are closed and opened again. In the end all that a phone said it keeps must be in the
database exactly once.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Protocol
from uuid import UUID

from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from benchmarks import results
from benchmarks.serving import ROOT, free_port
from benchmarks.soak_network import Network
from benchmarks.soak_phones import PASSWORD, Phone, open_phone

EMAILS = ("agent@demo.quietude", "bailleur@demo.quietude", "ametis@demo.quietude")
READY_S = 120.0
QUIET_S = 900.0
LOST_ANSWERS_PERCENT = 10


class Server:
    """`quietude serve` on one port, in a process group that can be killed."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.port = free_port()
        kept = {key: value for key, value in os.environ.items() if not key.startswith("QUIETUDE_")}
        self._environment = kept | {"QUIETUDE_DEMO": "0", "QUIETUDE_JOB_WORKER": "0"} | environment
        self._environment["QUIETUDE_PORT"] = str(self.port)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start without waiting."""
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(ROOT / "tools" / "quietude.py"), "serve"],
                env=self._environment,
                stdout=out,
                stderr=out,
                cwd="/",
                start_new_session=True,
            )

    def wait(self) -> None:
        """Until it answers with its database."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            with suppress(OSError, http.client.HTTPException), closing(connection):
                connection.request("GET", "/readyz")
                with connection.getresponse() as answer:
                    if answer.status == http.HTTPStatus.OK:
                        return
            time.sleep(0.1)
        raise SystemExit(f"the server did not start:\n{self._log.read_text(errors='replace')[-3000:]}")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """All its processes at once."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            self._process.wait()
            self._process = None


class KillDatabase(Protocol):
    """Kills the database with -9; the next start of the server finds what was committed."""

    def __call__(self) -> None: ...


@dataclass(frozen=True)
class Size:
    """How much is entered, and how often something breaks."""

    reports: int
    photos: int
    phones: int
    server_kills: int
    database_kills: int


@dataclass(frozen=True)
class World:
    """A running server, its database as the application sees it, and a browser."""

    server: Server
    engine: Engine
    browser: Browser


@dataclass(frozen=True)
class Outcome:
    """One run. `problems`: what each phone still kept at the end."""

    seed: int
    entered: int
    photos: int
    passages: int
    confirmations: int
    lost: int
    doubled: int
    cuts: int
    kills: int
    lost_answers: int
    reopened: int
    seconds: float
    problems: tuple[object, ...]

    @property
    def is_good(self) -> bool:
        return self.lost == self.doubled == 0 and not self.problems


def soak(seed: int, size: Size, world: World, kill_database: KillDatabase | None = None) -> Outcome:
    """One run with a running server: enter everything while things break, then wait until all has arrived."""
    began = time.monotonic()
    server = world.server
    random = Random(seed)
    network = Network(server.port, random)
    origin = f"http://127.0.0.1:{network.port}"
    phones = [
        open_phone(world.browser, origin, email, Random(seed * 100 + number), seed)
        for number, email in enumerate(EMAILS[: size.phones])
    ]
    network.lost_answers_percent = LOST_ANSWERS_PERCENT
    cuts = kills = 0
    plan = _plan(random, size)
    for step in plan:
        phone = random.choice(phones)
        if isinstance(step, list):
            phone.enter(step)
        elif step == "cut":
            network.cut()
            cuts += 1
        elif step == "restore":
            network.restore()
        elif step == "reopen":
            phone.reopen()
        elif step == "wait":
            phone.page.wait_for_timeout(random.randrange(100, 1500))
        else:
            server.kill()
            kills += 1
            if step == "kill database" and kill_database is not None:
                kill_database()
            server.start()
    network.lost_answers_percent = 0
    network.restore()
    server.wait()
    problems = _settle(phones)
    lost, doubled = compare(world.engine, seed, phones)
    for phone in phones:
        phone.context.close()
    network.close()
    return Outcome(
        seed=seed,
        entered=sum(len(phone.saved) for phone in phones),
        photos=sum(len(photos) for phone in phones for photos in phone.saved.values()),
        passages=sum(len(phone.passages) for phone in phones),
        confirmations=sum(len(phone.confirmed) for phone in phones),
        lost=lost,
        doubled=doubled,
        cuts=cuts,
        kills=kills,
        lost_answers=network.lost_answers,
        reopened=sum(phone.reopened for phone in phones),
        seconds=time.monotonic() - began,
        problems=tuple(problems),
    )


def _plan(random: Random, size: Size) -> list[str | list[int]]:
    """What happens, in order: entries as lists of photo counts, and mishaps between them."""
    counts = [0] * size.reports
    for _ in range(size.photos):
        room = [index for index, count in enumerate(counts) if count < 4]
        counts[random.choice(room)] += 1
    plan: list[str | list[int]] = []
    while counts:
        taken = random.randrange(1, 5)
        plan.append(counts[:taken])
        counts = counts[taken:]
        mishap = random.choice(("cut", "cut", "restore", "restore", "restore", "reopen", "wait", "wait"))
        plan += [mishap, "wait"] if mishap != "wait" else ["wait"]
    kills = ["kill"] * size.server_kills + ["kill database"] * size.database_kills
    for kill in kills:
        plan.insert(random.randrange(len(plan) // 4, len(plan)), kill)
    return plan


def _settle(phones: list[Phone]) -> list[object]:
    """Open every phone again and wait until nothing waits on it. Returns what still does."""
    for phone in phones:
        phone.reopen()
    deadline = time.monotonic() + QUIET_S
    while time.monotonic() < deadline:
        if all(phone.left() == 0 for phone in phones):
            return []
        phones[0].page.wait_for_timeout(500)
    return [problem for phone in phones for problem in phone.problems()]


_REPORTS = text("SELECT id, description FROM report WHERE description LIKE :mark")
_PHOTOS = text(
    "SELECT photo.id, report_id FROM photo JOIN report ON report.id = report_id WHERE report.description LIKE :mark"
)
_EVENTS = text(
    "SELECT report_id, kind, count(*) AS times FROM report_event JOIN report ON report.id = report_id"
    " WHERE report.description LIKE :mark AND report_event.kind IN ('created', 'still_there')"
    " GROUP BY report_id, kind"
)
_PASSAGES = text("SELECT id, patrol_id FROM patrol_passage WHERE patrol_id = ANY (:patrols)")


def compare(engine: Engine, seed: int, phones: list[Phone]) -> tuple[int, int]:
    """How many of the things that were saved are lost, and how many are there more than once (or belong elsewhere)."""
    wanted = {report: photos for phone in phones for report, photos in phone.saved.items()}
    with unit_of_work(engine, SYSTEM) as uow:
        reports = uow.connection.execute(_REPORTS, {"mark": f"soak {seed} %"}).all()
        pictures = uow.connection.execute(_PHOTOS, {"mark": f"soak {seed} %"}).all()
        events = uow.connection.execute(_EVENTS, {"mark": f"soak {seed} %"}).all()
        passed = uow.connection.execute(_PASSAGES, {"patrols": [phone.patrol for phone in phones]}).all()
    stored = {row.id for row in reports}
    wanted_photos = {(photo, report) for report, photos in wanted.items() for photo in photos}
    stored_photos = {(row.id, row.report_id) for row in pictures}
    wanted_seen: set[tuple[UUID, UUID | str]] = {
        (passage, phone.patrol) for phone in phones for passage in phone.passages
    }
    wanted_seen |= {(report, "still_there") for phone in phones for report in phone.confirmed}
    stored_seen: set[tuple[UUID, UUID | str]] = {(row.id, row.patrol_id) for row in passed}
    stored_seen |= {(row.report_id, row.kind) for row in events if row.kind == "still_there"}
    lost = len(set(wanted) - stored) + len(wanted_photos - stored_photos) + len(wanted_seen - stored_seen)
    extra = len(stored - set(wanted)) + len(stored_photos - wanted_photos) + len(stored_seen - wanted_seen)
    same_text = len(reports) - len({row.description for row in reports})
    return lost, extra + same_text + sum(row.times > 1 for row in events)


# ── the long one ────────────────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Run many seeds on a server of their own and put the table into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no run after so long")
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    var_dir = Path(tempfile.mkdtemp(prefix="quietude-soak-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what is finished is written
    outcomes: list[Outcome] = []
    try:
        for outcome in _run_all(var_dir, options.first_seed, options.runs, options.minutes * 60):
            print(outcome, flush=True)
            outcomes.append(outcome)
    finally:
        shutil.rmtree(var_dir, ignore_errors=True)
        if outcomes:
            _report(_table(outcomes), dry=options.dry)
    sys.exit(0 if outcomes and all(outcome.is_good for outcome in outcomes) else 1)


def _report(table: str, *, dry: bool) -> None:
    print(table)
    if not dry:
        results.put(ROOT / "benchmarks" / "RESULTS.md", "soak", table)


def _run_all(var_dir: Path, first_seed: int, runs: int, most_s: float) -> Iterator[Outcome]:
    from app.db.cluster import Cluster  # noqa: PLC0415
    from app.db.session import make_engine  # noqa: PLC0415
    from app.people.demo import ensure_demo_accounts  # noqa: PLC0415

    began = time.monotonic()
    server = Server({"QUIETUDE_VAR_DIR": str(var_dir)}, var_dir / "serve.log")
    cluster = Cluster(var_dir)
    server.start()
    server.wait()
    engine = make_engine(cluster.url("app"))
    ensure_demo_accounts(engine, PASSWORD)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            for seed in range(first_seed, first_seed + runs):
                if time.monotonic() - began > most_s:
                    break
                engine.dispose()
                killer = _killer(cluster.server_pid, engine.dispose)
                yield soak(seed, Size(200, 100, 3, 2, 1), World(server, engine, browser), killer)
            browser.close()
    finally:
        server.kill(signal.SIGTERM)
        cluster.down()


def _killer(find: Callable[[], int | None], forget: Callable[[], None]) -> KillDatabase:
    def kill() -> None:
        pid = find()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        forget()

    return kill


_COLUMNS = (
    "seed", "reports", "photos", "passages", "confirmations", "lost", "doubled", "cuts", "kills -9", "answers lost",
    "tabs reopened", "seconds",
)  # fmt: skip


def _table(outcomes: list[Outcome]) -> str:
    good = sum(outcome.is_good for outcome in outcomes)
    lines = [
        f"Measured {datetime.now(UTC).isoformat(timespec='seconds')}; load average {os.getloadavg()[0]:.1f}.",
        f"{good} of {len(outcomes)} runs without loss or double.",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        f"|{'---|' * len(_COLUMNS)}",
    ]
    for o in outcomes:
        entered = (o.seed, o.entered, o.photos, o.passages, o.confirmations, o.lost, o.doubled)
        mishaps = (o.cuts, o.kills, o.lost_answers, o.reopened, round(o.seconds))
        lines.append(f"| {' | '.join(map(str, entered + mishaps))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
