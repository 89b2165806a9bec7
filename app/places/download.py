"""A file that the operator named by URL, fetched into var/cache. Nothing else in the product fetches anything."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from app.errors import GeodataError

MAX_BYTES = 1 << 30
TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 16

Progress = Callable[[int, int | None], None]


def is_url(value: str) -> bool:
    """Whether it is http(s); anything else is a path."""
    return value.lower().startswith(("http://", "https://"))


def fetch(url: str, cache_dir: Path, progress: Progress, *, max_bytes: int = MAX_BYTES) -> Path:
    """Download the file; its path. A broken download leaves nothing behind. `progress` gets bytes so far and in all.

    Raises:
        GeodataError: no network, no such file, or larger than `max_bytes`.

    """
    target = cache_dir / f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{_file_name(url)}"
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _opener().open(_request(url), timeout=TIMEOUT_S) as answer, part.open("wb") as file:
            _copy(answer, file, progress, max_bytes)
        part.replace(target)
    except urllib.error.HTTPError as error:
        raise GeodataError(f"{url}: the server answers {error.code} {error.reason}") from None
    except (urllib.error.URLError, http.client.HTTPException, ValueError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise GeodataError(f"{url}: cannot be fetched ({reason}); offline? Give the path of a file instead") from None
    finally:
        part.unlink(missing_ok=True)
    return target


def _request(url: str) -> urllib.request.Request:
    return urllib.request.Request(url, headers={"User-Agent": "quietude", "Accept": "*/*"})  # noqa: S310 (http(s) only)


def _opener() -> urllib.request.OpenerDirector:
    """Http and https and nothing else, redirects included: a server must not send us to file:// or ftp://."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _copy(answer: Any, file: IO[bytes], progress: Progress, max_bytes: int) -> None:
    stated = answer.headers.get("Content-Length", "")
    total = int(stated) if stated.isdigit() else None
    done = 0
    while chunk := answer.read(_CHUNK_BYTES):
        done += len(chunk)
        if max(done, total or 0) > max_bytes:
            raise GeodataError(f"the file is larger than {max_bytes >> 20} MB")
        file.write(chunk)
        progress(done, total)
    if total is not None and done < total:
        raise GeodataError(f"the connection broke after {done} of {total} bytes")


def _file_name(url: str) -> str:
    """The last part of the path, harmless: readers look at a suffix such as .gz."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", unquote(urlsplit(url).path.rsplit("/", 1)[-1])).strip(".")
    return name[-80:] or "download"
