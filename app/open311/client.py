"""Another city's GeoReport v2 server as a client sees it. XML, because every server must have that format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from urllib.parse import quote, urlencode

from lxml import etree
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from app.web.outgoing import Answer, exchange, judged, printable

MOST_BYTES = 8_000_000
ERROR_CHARACTERS = 300
FORM = "application/x-www-form-urlencoded"
# Answers that say that nothing was stored, and that asking again changes nothing.
HOPELESS = frozenset({400, 401, 403, 404, 405, 409, 410, 413, 415, 422})


class RemoteError(Exception):
    """The remote answered, but not what was asked for; the text is for the log."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True)
class Made:
    """What came of a post: its id, or a token that leads to one later."""

    service_request_id: str | None
    token: str | None


@dataclass(frozen=True)
class Theirs:
    """One of the remote's requests. state: its finer word, if it has one."""

    service_request_id: str
    status: str
    state: str | None
    notes: str
    lat: float | None
    lon: float | None
    description: str


@dataclass(frozen=True)
class Server:
    """Where it is, and how it knows us. base_url: without a slash at the end."""

    base_url: str
    jurisdiction_id: str | None = None
    api_key: str | None = None
    allow_private: bool = False

    def services(self) -> tuple[str, ...]:
        """The codes of what it takes.

        Raises:
            RemoteError, BlockedError, and FAILURES of app/web/outgoing.py: so for all of these.

        """
        return tuple(_text(one, "service_code") for one in self._get("services", {}).iterfind("service"))

    def requests(self, **query: str) -> tuple[Theirs, ...]:
        """Its requests that a query asks for."""
        root = self._get("requests", query | {"extensions": "true"})
        return tuple(_theirs(one) for one in root.iterfind("request"))

    def changed(self, ids: Iterable[str]) -> tuple[Theirs, ...]:
        """These requests as they are now."""
        return self.requests(service_request_id=",".join(ids))

    def since(self, service_code: str, start: datetime) -> tuple[Theirs, ...]:
        """What it got for a service since then."""
        return self.requests(service_code=service_code, start_date=start.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def id_of(self, token: str) -> str | None:
        """The id that a token leads to by now."""
        found = self._get(f"tokens/{quote(token, safe='')}", {}).find("request")
        return None if found is None else _text(found, "service_request_id") or None

    def post(self, values: Mapping[str, str], *, key: str, photo: bytes | None) -> Made:
        """A new request. key: the same with every attempt (Idempotency-Key), for servers that know it."""
        form = self._with_names(values)
        content_type, body = FORM, urlencode(form).encode()
        if photo is not None:
            file = FileStorage(BytesIO(photo), "photo.jpg", "media", "image/jpeg")
            boundary, body = encode_multipart({**form, "media": file})
            content_type = f"multipart/form-data; boundary={boundary}"
        headers = {"Content-Type": content_type, "Idempotency-Key": key}
        root = _document(self._ask("POST", "requests", "", body, headers))
        found = root.find("request")
        if found is None:
            raise RemoteError(200, "accepted without an id")
        made = Made(_text(found, "service_request_id")[:200] or None, _text(found, "token")[:200] or None)
        if made == Made(None, None):
            raise RemoteError(200, "accepted without an id")
        return made

    def _with_names(self, values: Mapping[str, str]) -> dict[str, str]:
        named = {"jurisdiction_id": self.jurisdiction_id, "api_key": self.api_key}
        return {name: value for name, value in named.items() if value} | dict(values)

    def _get(self, resource: str, query: Mapping[str, str]) -> etree._Element:
        return _document(self._ask("GET", resource, f"?{urlencode(self._with_names(query))}", None, {}))

    def _ask(self, method: str, resource: str, query: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        sent = {"User-Agent": "Quietude-Open311/1", "Accept": "text/xml", **headers}
        url = f"{self.base_url}/{resource}.xml{query}"
        got = exchange(method, url, body, sent, allow_private=self.allow_private, most_bytes=MOST_BYTES)
        if wrong := judged(got.status):
            raise RemoteError(got.status, f"{wrong} {_errors(got.body)}".strip()[:ERROR_CHARACTERS])
        return got


def _document(got: Answer) -> etree._Element:
    try:
        return _parsed(got.body)
    except etree.XMLSyntaxError:
        raise RemoteError(got.status, f"answered {got.status} without XML") from None


def _parsed(body: bytes) -> etree._Element:
    # A stranger's document: no entities, no network, no depth beyond the library's own limit.
    return etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


def _errors(body: bytes) -> str:
    """What the remote says is wrong, if it says so as the specification wants."""
    try:
        said = [_text(one, "description") for one in _parsed(body).iterfind("error")]
    except etree.XMLSyntaxError:
        return ""
    return printable("; ".join(said))


def _text(element: etree._Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _theirs(one: etree._Element) -> Theirs:
    return Theirs(
        service_request_id=_text(one, "service_request_id"),
        status=_text(one, "status"),
        state=_text(one, "extended_attributes/state") or None,
        notes=_text(one, "status_notes"),
        lat=_number(_text(one, "lat")),
        lon=_number(_text(one, "long")),
        description=_text(one, "description"),
    )
