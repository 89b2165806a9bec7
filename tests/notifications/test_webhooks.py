"""Signed webhooks to a real receiver: the signature computed anew, tried again, and never to a private address."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.notifications.webhooks import post
from app.web import outgoing
from app.web.outgoing import is_public, resolve
from tests.notifications.conftest import Receiver, Scene


def _openssl_like(secret: str, header: str, body: bytes) -> bool:
    """What a partner's system does, by RFC 2104 itself rather than by the library: two nested SHA-256."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    key = secret.encode().ljust(64, b"\0")
    assert len(key) == 64
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + parts["t"].encode() + b"." + body).digest()
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).hexdigest()
    return hmac.compare_digest(outer, parts["v1"])


def test_an_event_arrives_signed_with_the_report(scene: Scene, receiver: Receiver) -> None:
    secret = scene.wants_webhook("hlm-a", receiver.url)
    report_id = scene.report(description="The left lift")
    scene.office.tell()
    ((headers, raw),) = receiver.requests
    assert _openssl_like(secret, headers["Quietude-Signature"], raw)
    assert not _openssl_like(secret, headers["Quietude-Signature"], raw + b" ")
    assert not _openssl_like("qw_another", headers["Quietude-Signature"], raw)
    signed_at = int(headers["Quietude-Signature"].partition(",")[0][2:])
    assert abs(time.time() - signed_at) < 60
    (body,) = receiver.bodies
    assert body["id"] == headers["Quietude-Delivery"]
    assert (body["kind"], body["organisation"], body["is_synthetic"]) == ("report.assigned", "hlm-a", False)
    assert body["url"] == f"https://quietude.example/q/reports/{report_id}"
    contract = (
        "id category theme kind severity state visibility observed_at received_at due_at organisation neighbourhood"
    )
    assert list(body["report"])[:13] == [*contract.split(), "description"]
    assert (body["report"]["id"], body["report"]["description"]) == (str(report_id), "The left lift")


def test_every_move_is_told_to_who_answers_and_to_who_reported(scene: Scene, receiver: Receiver) -> None:
    scene.wants_webhook("hlm-a", receiver.url)
    scene.wants_webhook("city", receiver.url)
    report_id = scene.report()
    scene.move("hlm-a", report_id, "acknowledge")
    scene.move("hlm-a", report_id, "resolve", text="Repaired")
    scene.office.tell()
    told = sorted((body["organisation"], body["kind"]) for body in receiver.bodies)
    assert told == [
        ("city", "report.state_changed"),
        ("city", "report.state_changed"),
        ("hlm-a", "report.assigned"),
        ("hlm-a", "report.state_changed"),
        ("hlm-a", "report.state_changed"),
    ]


def test_what_the_organisation_may_no_longer_see_does_not_leave(scene: Scene, receiver: Receiver) -> None:
    scene.wants_webhook("hlm-a", receiver.url)
    report_id = scene.report()
    scene.office.look()
    # Meanwhile it became restricted and another's.
    scene.sql(
        "UPDATE report SET visibility = 'restricted', organisation_id = :id WHERE id = :report",
        id=scene.world.organisations["hlm-b"],
        report=report_id,
    )
    scene.office.do()
    assert receiver.requests == []
    assert scene.states() == [("not_sent", "not_visible")]


@pytest.mark.parametrize("answer", [(500, {}, b"down"), (302, {"Location": "http://127.0.0.1/"}, b""), (404, {}, b"")])
def test_what_is_not_taken_is_sent_again_under_the_same_id(scene: Scene, receiver: Receiver, answer: Any) -> None:
    scene.wants_webhook("hlm-a", receiver.url)
    receiver.answers = [answer]
    scene.report()
    scene.office.tell()
    assert scene.states() == [("waiting", None)]
    scene.office.hurry()
    scene.office.do()
    first, second = (headers["Quietude-Delivery"] for headers, _raw in receiver.requests)
    assert first == second
    assert scene.states() == [("sent", None)]
    tries = scene.sql("SELECT status, answer, succeeded FROM notification_attempt ORDER BY id")
    assert [tuple(row) for row in tries] == [(answer[0], answer[2].decode(), False), (204, "", True)]


def test_a_key_that_changed_is_said(scene: Scene, receiver: Receiver) -> None:
    scene.wants_webhook("hlm-a", receiver.url)
    scene.report()
    scene.settled(secret_key="another key of the service").office.tell()
    assert scene.states() == [("not_sent", "unreadable_secret")]


def test_the_stored_secret_is_not_the_secret(scene: Scene, receiver: Receiver) -> None:
    secret = scene.wants_webhook("hlm-a", receiver.url)
    ((stored,),) = scene.sql("SELECT secret_encrypted FROM webhook")
    assert secret.encode() not in bytes(stored)


# ── addresses ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "193.52.0.1", "2a01:e0a::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_that_are(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def _resolver(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def look_up(_host: str, port: int, **_more: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://public.example/", "only https"),
        ("ftp://public.example/", "only https"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://2130706433/", "not a public address"),
        ("https://localhost/", "not a public address"),
    ],
)
def test_where_no_webhook_goes(url: str, error: str) -> None:
    attempt = post(url, b"{}", {}, allow_private=False)
    assert not attempt.succeeded
    assert error in str(attempt.error)


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolver(monkeypatch, "8.8.8.8", "10.0.0.1")
    with pytest.raises(outgoing.BlockedError):
        resolve("https://two.example/", allow_private=False)


def test_the_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public at the check and private at the connection (DNS rebinding) gains nothing."""
    _resolver(monkeypatch, "8.8.8.8")
    target = resolve("https://rebinding.example/", allow_private=False)
    _resolver(monkeypatch, "127.0.0.1")
    asked: list[Any] = []

    def connect(address: Any, *_more: Any) -> socket.socket:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(outgoing, "resolve", lambda *_a, **_k: target)
    assert not post("https://rebinding.example/", b"", {}, allow_private=False).succeeded
    assert asked == [("8.8.8.8", 443)]


# ── time, size and TLS ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def raw_server() -> Iterator[Any]:
    """`serve(talk)` runs talk(connection) for one connection; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(talk: Any) -> int:
        def once() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                talk(connection)

        threads.append(threading.Thread(target=once))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield serve
    for one in threads:
        one.join(10)
    listener.close()


def test_one_byte_at_a_time_does_not_hold_the_worker(raw_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "TOTAL_S", 0.3)
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-A: ")
        while not stop.wait(0.02):
            connection.sendall(b"a")

    port = raw_server(drip)
    attempt = post(f"http://127.0.0.1:{port}/", b"{}", {}, allow_private=True)
    stop.set()
    assert not attempt.succeeded


def test_of_an_endless_answer_only_the_first_bytes_are_read(raw_server: Any) -> None:
    def flood(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        while True:
            connection.sendall(b"\0x" * 5000)

    attempt = post(f"http://127.0.0.1:{raw_server(flood)}/", b"{}", {}, allow_private=True)
    assert attempt.succeeded
    assert attempt.answer == " x" * 250


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of our own for hooks.example."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = (
        builder.not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "hooks.pem"
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem))
    return file


@pytest.mark.parametrize(
    ("host", "is_trusted", "succeeds"),
    [("hooks.example", True, True), ("hooks.example", False, False), ("other.example", True, False)],
)
def test_tls_is_checked_against_the_name(
    raw_server: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch, host: str, *, is_trusted: bool, succeeds: bool
) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate)

    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with server_side.wrap_socket(connection, server_side=True) as wrapped:
            while not b"".join(heard).endswith(b"{}"):
                heard.append(wrapped.recv(65536))
            wrapped.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    port = raw_server(talk)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_a, **_k: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    )
    context = ssl.create_default_context(cafile=str(certificate) if is_trusted else None)
    attempt = post(f"https://{host}:{port}/", b"{}", {}, allow_private=True, tls=context)
    assert attempt.succeeded is succeeds, attempt
    if succeeds:
        assert f"Host: {host}:{port}\r\n".encode() in b"".join(heard)
    else:
        assert "certificate" in str(attempt.error).lower()
