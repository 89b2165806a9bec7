"""A real mail server and a real receiver of webhooks on this machine, and organisations that want to be told."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import text

from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.notifications import actions
from app.notifications.commands import SettingCommand, WebhookCommand
from app.notifications.rules import MAIL_KINDS, WEBHOOK_KINDS
from app.people.actor import SYSTEM
from app.people.store import Organisation, get_organisation
from app.reports.actions import read, submit
from app.reports.commands import ReportCommand
from app.reports.moves import make_move
from app.reports.moves_commands import MoveCommand
from tests.jobs.conftest import office, office_settings, worker_app  # noqa: F401  (fixtures)
from tests.jobs.office import Office
from tests.routing.world import World, at, make_world

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Mailbox:
    """What the mail server accepted; `answers`: what it says to the next mails instead of accepting them."""

    def __init__(self) -> None:
        self.raw: list[tuple[str, bytes]] = []
        self.answers: list[str] = []
        self.hold = threading.Event()
        self.hold.set()
        self.arrived = threading.Event()
        # The sender went away before it got an answer.
        self.dropped = threading.Event()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  (aiosmtpd's name)
        self.arrived.set()
        try:
            await asyncio.get_running_loop().run_in_executor(None, self.hold.wait, 60)
        except asyncio.CancelledError:
            self.dropped.set()
            raise
        if self.answers:
            return self.answers.pop(0)
        self.raw.append((envelope.rcpt_tos[0], envelope.content))
        return "250 accepted"

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=policy.default) for _to, raw in self.raw]

    @property
    def subjects(self) -> list[str]:
        return sorted(str(mail["Subject"]) for mail in self.mails)


@pytest.fixture(scope="session")
def mail_server() -> Iterator[tuple[int, Mailbox]]:
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield port, box
    controller.stop()


@pytest.fixture
def mailbox(mail_server: tuple[int, Mailbox]) -> Mailbox:
    box = mail_server[1]
    box.raw.clear()
    box.answers.clear()
    box.arrived.clear()
    box.dropped.clear()
    box.hold.set()
    return box


@dataclass
class Receiver:
    """What came in, and what the next requests are answered: status, headers, body."""

    url: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _headers, body in self.requests]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.requests.append((dict(self.headers), body))
            status, headers, said = kept.answers.pop(0) if kept.answers else (204, {}, b"")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_port}/hook?a=1"
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Scene:
    """The world of routing with an office: the landlord hlm-a answers for what happens at its door."""

    office: Office
    world: World

    def settled(self, **changes: Any) -> Scene:
        """The same with other settings."""
        return replace(self, office=replace(self.office, settings=self.office.settings.model_copy(update=changes)))

    def organisation(self, slug: str) -> Organisation:
        with unit_of_work(self.office.engine, SYSTEM) as uow:
            found = get_organisation(uow.connection, slug)
        assert found is not None
        return found

    def wants_mail(
        self, slug: str, *emails: str, digest: bool = False, language: Any = "fr", now: datetime = LONG_AGO
    ) -> None:
        command = SettingCommand(emails, MAIL_KINDS, digest, language)
        with unit_of_work(self.office.engine, self.world.actors["admin"]) as uow:
            actions.save_setting(uow, self.organisation(slug), command, now=now)

    def wants_webhook(self, slug: str, url: str) -> str:
        """The secret."""
        with unit_of_work(self.office.engine, self.world.actors["admin"]) as uow:
            command = WebhookCommand(url, WEBHOOK_KINDS)
            key = self.office.settings.secret_key
            return actions.add_webhook(uow, self.organisation(slug), command, secret_key=key)

    def report(self, who: str = "agent", category: str = "lift_out", east_m: float = 0, **changes: Any) -> UUID:
        """At hlm-a's door unless said otherwise."""
        lon, lat = at(east_m)
        command = ReportCommand(id=uuid4(), category=category, lon=lon, lat=lat, **changes)
        with unit_of_work(self.office.engine, self.world.actors[who]) as uow:
            nomenclature = load_nomenclature(uow.connection)
            submit(uow, self.world.actors[who], command, nomenclature=nomenclature, source="api", now=datetime.now(UTC))
        return command.id

    def move(self, who: str, report_id: UUID, move: Any, **values: Any) -> None:
        actor = self.world.actors[who]
        with self.office.app.app_context(), unit_of_work(self.office.engine, actor) as uow:
            version = read(uow, report_id).version
            command = MoveCommand(move=move, version=version, **values)
            nomenclature = load_nomenclature(uow.connection)
            make_move(uow, actor, report_id, command, nomenclature=nomenclature, now=datetime.now(UTC))

    def sql(self, query: str, **binds: Any) -> list[Any]:
        with unit_of_work(self.office.engine, SYSTEM) as uow:
            done = uow.connection.execute(text(query), binds)
            return list(done) if done.returns_rows else []

    def states(self) -> list[tuple[str, str | None]]:
        return [tuple(row) for row in self.sql("SELECT state, reason FROM notification ORDER BY created_at, id")]


@pytest.fixture
def scene(office: Office, mail_server: tuple[int, Mailbox]) -> Scene:  # noqa: F811
    made = Scene(office, make_world(office.engine))
    return made.settled(mail_server="127.0.0.1", mail_port=mail_server[0], webhook_private=True)
