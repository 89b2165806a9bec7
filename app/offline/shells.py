"""Pages that open without a network, and every file that they need; no build step, no list to keep up by hand.

A shell is a page of ours with nobody in it: no account, no token, no message. What the phone keeps of it therefore
shows nothing of anybody. Which files it needs is read from the shell itself, then from its scripts and styles.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from flask import render_template
from flask_babel import force_locale

from app.nomenclature.actions import current_nomenclature
from app.nomenclature.store import Nomenclature
from app.reports.rules import SEVERITIES
from app.version import VERSION
from app.web.language import LOCALES
from app.web.pages import has_synthetic_data

STATIC = Path(__file__).parents[1] / "web" / "static"
# Which page each shell stands for, and its template.
TEMPLATES = {
    "/reports/new": "reports/new.html",
    "/near": "reports/near.html",
    "/patrols": "patrols/phone.html",
    "/outbox": "offline/outbox.html",
    "/offline": "offline/offline.html",
}
# What no page names, and the phone needs: the icons that scripts draw, and those of the installed app.
ALWAYS = ("icons.svg", "icons/quietude.svg", "icons/quietude-192.png", "js/offline-app.js")

# Of a file's SHA-256: 128 bits tell all files of all releases apart, and travel fifty times.
DIGITS = 32

# Named by Leaflet's styles; our maps have pins and controls of their own.
NEVER = "node_modules/leaflet/dist/images/"

_LINK = re.compile(r'(?:href|src)="/static/([^"#?]+)')
_IMPORT = re.compile(r"""(?:\bfrom\s*|\bimport\s*\(?\s*)['"](\.{1,2}/[^'"]+\.m?js)['"]""")
_URL = re.compile(r"""url\(\s*['"]?(?!data:|#)([^'")]+)""")
_NONCE = re.compile(r'nonce="[^"]*"')


def render_shell(path: str, locale: str) -> str:
    """One page without anybody in it, in a language."""
    with force_locale(locale):
        return render_template(TEMPLATES[path], **_nobody(path))


def _nobody(path: str) -> dict[str, Any]:
    """What a template is told: which page it stands for, and an empty form. Nothing of the request it is made in."""
    return {
        "bare": True,
        "shell": path,
        "csrf_token": str,
        "nomenclature": current_nomenclature(),
        "severities": SEVERITIES,
        "values": {"id": "", "return_to": ""},
        "errors": [],
        "messages": {},
    }


_kept: tuple[tuple[Nomenclature, bool], dict[str, str]] | None = None
_lock = Lock()


def files() -> dict[str, str]:
    """Path on this server → the start of the SHA-256 of its bytes: what the phone keeps. Shells count by their text.

    The same in every process: read once for a nomenclature and for whether pages say that data is synthetic.
    """
    global _kept  # noqa: PLW0603
    shown = (current_nomenclature(), has_synthetic_data())
    with _lock:
        if _kept is None or _kept[0] != shown:
            _kept = (shown, _files())
        return _kept[1]


def release() -> str:
    """One short name for the whole of them: it changes when any of them does."""
    said = "\n".join(f"{path} {digest}" for path, digest in sorted(files().items()))
    return hashlib.sha256(f"{VERSION}\n{said}".encode()).hexdigest()[:16]


def _files() -> dict[str, str]:
    found: dict[str, str] = {}
    needed = list(ALWAYS)
    for path in TEMPLATES:
        html = "".join(render_shell(path, locale) for locale in LOCALES)
        needed += _LINK.findall(html)
        found[path] = hashlib.sha256(_NONCE.sub("", html).encode()).hexdigest()[:DIGITS]
    while needed:
        name = needed.pop()
        digest, more = ("", ()) if name.startswith(NEVER) else _file(name)
        if digest and f"/static/{name}" not in found:
            found[f"/static/{name}"] = digest
            needed += more
    return found


@lru_cache(maxsize=500)
def _file(name: str) -> tuple[str, tuple[str, ...]]:
    """The digest of a static file, and the files that it names. Nothing for what is not there."""
    path = STATIC / name
    if not path.is_file():
        return "", ()
    raw = path.read_bytes()
    pattern = {".js": _IMPORT, ".css": _URL}.get(path.suffix)
    named = pattern.findall(raw.decode()) if pattern else ()
    return hashlib.sha256(raw).hexdigest()[:DIGITS], tuple(_beside(name, named))


def _beside(name: str, named: tuple[str, ...] | list[str]) -> Iterator[str]:
    for one in named:
        if not one.startswith("/"):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(name), one))
        elif one.startswith("/static/"):
            yield one.removeprefix("/static/")


def worker_facts() -> Mapping[str, Any]:
    """What the service worker is told about this release."""
    known = files()
    return {
        "release": release(),
        "files": {path: digest for path, digest in known.items() if path.startswith("/static/")},
        "shells": sorted(path for path in known if not path.startswith("/static/")),
        "locales": list(LOCALES),
    }
