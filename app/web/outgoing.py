"""Requests to addresses that somebody else chose: public ones only, without redirects, bounded in time and size.

Whoever configures such an address makes this server ask it. So the name is resolved once, every address that it has
must be a public one, and the connection goes to the address that was checked, whatever the DNS says a moment later.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

from flask_babel import gettext as _

CONNECT_S = 5.0
# Of one read; TOTAL_S bounds them all, so that one byte at a time does not hold the worker.
READ_S = 10.0
TOTAL_S = 20.0
URL_CHARACTERS = 500

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# What such a request can fail with: no way there, an answer that is none, an address that is not asked.
FAILURES = (OSError, http.client.HTTPException, ValueError)
ERROR_CHARACTERS = 300


class BlockedError(Exception):
    """The address is none that this server asks."""


@dataclass(frozen=True)
class Target:
    """A checked address: where to connect, and what to say there."""

    url: SplitResult
    address: str
    port: int


def is_public(address: Address) -> bool:
    """Whether an address is reachable from everywhere; those that wrap an IPv4 address are judged by it."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def resolve(url: str, *, allow_private: bool) -> Target:
    """Look the host up and choose the address to connect to.

    Raises:
        BlockedError: not https, no such host, or one of its addresses is not public.

    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise BlockedError("only https is allowed")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise BlockedError(f"there is no host {parts.hostname}") from None
    addresses = [str(entry[4][0]) for entry in found]
    for one in addresses:
        if not allow_private and not is_public(ipaddress.ip_address(one.partition("%")[0])):
            raise BlockedError(f"{parts.hostname} is not a public address ({one})")
    return Target(parts, addresses[0], port)


class _Pinned(http.client.HTTPConnection):
    """Connects to the address that was checked, and shows the name that was asked for."""

    def __init__(self, target: Target, tls: ssl.SSLContext | None) -> None:
        super().__init__(target.url.hostname or "", target.port, timeout=READ_S)
        self.default_port = 443 if tls else 80  # for the Host header
        self._target = target
        self._tls = tls
        self.was_cut = False

    def connect(self) -> None:
        plain = socket.create_connection((self._target.address, self._target.port), CONNECT_S)
        plain.settimeout(READ_S)
        self.sock = plain
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._target.url.hostname)

    def cut(self) -> None:
        """End it from another thread: what waits on it fails."""
        self.was_cut = True
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class Answer:
    """What came back: the status and the first bytes of the body."""

    status: int
    body: bytes


def exchange(
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    *,
    allow_private: bool,
    most_bytes: int,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Ask once. Redirects are not followed: they are an answer like any other.

    most_bytes: of the body; what comes after them is not read.

    Raises:
        BlockedError: the address is none that this server asks.
        OSError, http.client.HTTPException, ValueError: nothing, or nothing whole, came back (FAILURES).

    """
    target = resolve(url, allow_private=allow_private)
    is_tls = target.url.scheme == "https"
    connection = _Pinned(target, (tls or ssl.create_default_context()) if is_tls else None)
    watchdog = threading.Timer(TOTAL_S, connection.cut)
    watchdog.daemon = True
    watchdog.start()
    try:
        path = (target.url.path or "/") + (f"?{target.url.query}" if target.url.query else "")
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        said = response.read(most_bytes)
        if connection.was_cut:  # headers that break off are the end of the headers to the library
            raise TimeoutError(f"no whole answer within {TOTAL_S:.0f} s")
        return Answer(response.status, said)
    finally:
        watchdog.cancel()
        connection.close()


def judged(status: int) -> str | None:
    """What is wrong with a status; None for 2xx."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"answered {status}: redirects are not followed"
    return f"answered {status}"


def described(failure: Exception) -> str:
    """A failure in one short line, for a log."""
    text = str(failure) if isinstance(failure, BlockedError) else f"{type(failure).__name__}: {failure}"
    return printable(text)[:ERROR_CHARACTERS]


def printable(text: str) -> str:
    """A stranger's text without control characters."""
    return _CONTROL.sub(" ", text)


def wrong_url(url: str, *, allow_private: bool) -> str | None:
    """What is wrong with such an address as somebody wrote it, in the reader's language; None when it may be kept."""
    message: str | None = None
    try:
        parts = urlsplit(url)
        port_is_wrong = parts.port == 0
    except ValueError:
        return str(_("This is not an address: write https://host/path."))
    if not url.isascii() or not url.isprintable() or " " in url or not parts.hostname or port_is_wrong:
        message = _("This is not an address: write https://host/path.")
    elif parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        message = _("The address must begin with https://.")
    elif parts.username is not None or parts.password is not None or parts.fragment:
        message = _("No user name, no password and no # in the address, please.")
    elif len(url) > URL_CHARACTERS:
        message = _("At most %(count)s characters, please.", count=URL_CHARACTERS)
    return message
