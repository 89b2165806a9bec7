"""A client of Quiétude's API to copy into your own programs: Python ≥ 3.11, its standard library and nothing else.

    client = Client("https://quietude.example", token=os.environ["QUIETUDE_TOKEN"])
    sent = client.submit(NewReport(category="bulky_waste", lon=2.2957, lat=49.8942))
    for feature in client.reports(state="new", bbox="2.2,49.8,2.4,49.95"):
        print(feature["properties"]["category"], feature["geometry"]["coordinates"])

Every request may be repeated: what is created has an id of our making, so the service stores it once however often it
is sent. What may be repeated is repeated here: after a lost connection, and after 429 and 503 when Retry-After says so.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

Json = dict[str, Any]
PASSING = frozenset({429, 502, 503, 504})
LONGEST_WAIT_S = 120.0


@dataclass(frozen=True)
class FieldError:
    """One refused field, and what to do about it."""

    field: str
    message: str
    code: str = ""


class ApiError(Exception):
    """The service refused (RFC 9457). `errors` says which fields; `request_id` names the request in its log."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.request_id = str(problem.get("request_id", ""))
        self.errors = tuple(
            FieldError(str(one.get("field", "")), str(one.get("message", "")), str(one.get("code", "")))
            for one in problem.get("errors", ())
        )
        said = "; ".join(f"{one.field}: {one.message}" for one in self.errors) or self.detail
        super().__init__(f"{status} {self.title}: {said}")


@dataclass(frozen=True)
class NewReport:
    """One observation at one place. lon, lat: EPSG:4326 degrees; severity: 1 to 4; observed_at: aware."""

    category: str
    lon: float
    lat: float
    severity: int | None = None
    description: str | None = None
    place_id: int | None = None
    observed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    # Made once, here: keep it with the report until the service has answered, also over a restart of your program.
    id: str = field(default_factory=lambda: str(uuid4()))

    def body(self) -> Json:
        """What is sent."""
        return asdict(self) | {"observed_at": self.observed_at.isoformat()}


@dataclass(frozen=True)
class Seen:
    """Something as it was when it was read; `etag` is its version, which a change has to name."""

    body: Json
    etag: str


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Message
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


class Client:
    """Asks on behalf of one token.

    Args:
        url: where the service is, for example https://quietude.example.
        token: made on the page of your account; scope `write` for everything that changes something.
        language: of the messages, "fr" or "en".
        attempts: how often a request is tried before its error is raised.
        sleep: what waits, in seconds.

    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        language: str = "en",
        timeout_s: float = 30.0,
        attempts: int = 5,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise ValueError("the address begins with https://")
        self._url = url.rstrip("/") + "/"
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._sleep = sleep

    # ── reports ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, report: NewReport) -> Json:
        """Send a report, once, however often it is sent. Returns it as it is stored.

        Raises:
            ApiError: 422 with the refused fields, 409 when the id belongs to something else.

        """
        return self._body(self._send("POST", "api/reports", json_body=report.body()))

    def reports(self, **chosen: str | int) -> Iterator[Json]:
        """Every report of a filter as a GeoJSON feature, the newest first; pages are asked for as they are needed.

        chosen: theme, category, state, severity, organisation, bbox… as the documentation has them; `from_`: from.
        """
        query = urlencode({name.rstrip("_"): value for name, value in chosen.items()})
        following: str | None = f"api/reports?{query}"
        while following:
            page = self._body(self._send("GET", following))
            yield from page["features"]
            following = page["next"]

    def report(self, report_id: str) -> Seen:
        """One report, with its version."""
        return self._seen(self._send("GET", f"api/reports/{report_id}"))

    def move(self, report_id: str, move: str, seen: Seen, **more: str) -> Seen:
        """Change the state of a report: acknowledge, start, resolve (text=…), reject (reason=…)…

        Raises:
            ApiError: 412 when somebody else changed it since it was `seen`: read it again, and decide again.

        """
        headers = {"If-Match": seen.etag}
        path = f"api/reports/{report_id}/moves"
        return self._seen(self._send("POST", path, json_body={"move": move, **more}, headers=headers))

    def add_photo(self, report_id: str, picture: bytes, *, photo_id: str, stage: str = "none") -> Json:
        """Add a picture (JPEG, PNG or WebP). photo_id: a UUID of your making, the same when you send it again."""
        path = f"api/reports/{report_id}/photos?{urlencode({'id': photo_id, 'stage': stage})}"
        return self._body(
            self._send("POST", path, content=picture, headers={"Content-Type": "application/octet-stream"})
        )

    # ── everything at once ──────────────────────────────────────────────────────────────────────────────────────────

    def export(self, what: str, target: Path, **chosen: str | int) -> Path:
        """Write an export (`reports.gpkg`, `interventions.csv`, `reports.geojson`…) to a file, as it comes.

        The file has its name only once it is whole.
        """
        query = urlencode({name.rstrip("_"): value for name, value in chosen.items()})
        beside = target.with_name(f"{target.name}.part")
        with self._open(self._request("GET", f"export/{what}?{query}")) as answer, beside.open("wb") as file:
            shutil.copyfileobj(answer, file)
        return beside.replace(target)

    # ── underneath ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _request(
        self, method: str, path: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Request:
        address = urljoin(self._url, path)
        if urlsplit(address).netloc != urlsplit(self._url).netloc:
            raise ValueError("the token goes to its own service only")
        return Request(address, data=content, method=method, headers=self._headers | dict(headers or {}))  # noqa: S310

    def _open(self, request: Request) -> HTTPResponse:
        """The answer, after as many attempts as it takes.

        Raises:
            ApiError: the service refused.
            OSError: there is no way to it.

        """
        for attempt in range(1, self._attempts + 1):
            try:
                answer: HTTPResponse = urlopen(request, timeout=self._timeout_s)  # noqa: S310  (http or https only)
            except HTTPError as error:
                if error.code not in PASSING or attempt == self._attempts:
                    raise _refusal(error) from None
                error.close()
                self._sleep(_wait_s(error.headers, attempt))
            except (URLError, HTTPException, TimeoutError, ConnectionError):
                if attempt == self._attempts:
                    raise
                self._sleep(_wait_s(None, attempt))
            else:
                return answer
        raise AssertionError("unreachable")

    def _send(
        self,
        method: str,
        path: str,
        *,
        json_body: Json | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Answer:
        more = dict(headers or {})
        if json_body is not None:
            content = json.dumps(json_body).encode()
            more["Content-Type"] = "application/json"
        with self._open(self._request(method, path, content, more)) as answer:
            return _Answer(answer.status, answer.headers, answer.read())

    @staticmethod
    def _body(answer: _Answer) -> Json:
        body: Json = answer.json()
        return body

    def _seen(self, answer: _Answer) -> Seen:
        return Seen(self._body(answer), answer.headers.get("ETag", ""))


def _wait_s(headers: Message | None, attempt: int) -> float:
    """What Retry-After says, else 1, 2, 4… seconds."""
    said = "" if headers is None else headers.get("Retry-After", "")
    return min(float(said) if said.isdigit() else 2.0 ** (attempt - 1), LONGEST_WAIT_S)


def _refusal(error: HTTPError) -> ApiError:
    with error:
        try:
            problem = json.loads(error.read())
        except ValueError:
            problem = {}
    return ApiError(error.code, problem if isinstance(problem, dict) else {})
