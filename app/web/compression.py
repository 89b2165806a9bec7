"""Scripts and styles travel compressed: most of a first visit on a phone.

Pages do not: they hold a CSRF token beside what an address puts into them, which is what BREACH guesses by size. The
report form does when its address puts nothing into it; exports, tiles and layers where it pays.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import brotli
from flask import g, request
from flask_compress import Compress

if TYPE_CHECKING:
    from flask import Flask, Response


def gzipped(response: Response, level: int) -> Response:
    """The answer, compressed when whoever asks can read that. For routes that hold no secret beside an address's words.

    level: of zlib; 1 where the processor is what clients wait for, more where the network is.
    """
    if request.accept_encodings["gzip"] > 0:
        _encode(response, "gzip", gzip.compress(response.get_data(), level, mtime=0))
    response.vary.add("Accept-Encoding")
    return response


def packed(response: Response, quality: int = 5) -> Response:
    """The same for what a phone waits for: a seventh smaller than gzip where the browser knows Brotli.

    quality: of Brotli; more than 5 for what a phone fetches once a release.
    """
    if not request.accept_encodings["br"] > 0:
        return gzipped(response, 6)
    _encode(response, "br", brotli.compress(response.get_data(), quality=quality))
    response.vary.add("Accept-Encoding")
    return response


def _encode(response: Response, encoding: str, data: bytes) -> None:
    response.set_data(data)
    response.headers["Content-Encoding"] = encoding


class _Kept(dict[str, bytes]):
    """Each static file compressed once a process: as small as Brotli can takes a third of a second for the largest."""

    set = dict.__setitem__


def init_app(app: Flask) -> None:
    """Compress the static files, and nothing else. Browsers know Brotli only over HTTPS and on this machine."""
    app.config |= {
        "COMPRESS_REGISTER": False,
        "COMPRESS_ALGORITHM": ["br", "gzip"],
        "COMPRESS_BR_LEVEL": 11,
        "COMPRESS_CACHE_BACKEND": _Kept,
        "COMPRESS_CACHE_KEY": lambda _request: g.static_edition,
    }
    compress, plain = Compress(app), app.view_functions["static"]

    def static(**values: Any) -> Response:
        response: Response = app.ensure_sync(plain)(**values)
        if response.status_code == 304:  # noqa: PLR2004
            response.close()  # nothing of the file is sent
            response.response = []
        if response.status_code != 200:  # noqa: PLR2004  (a part of a file is not a part of the compressed one)
            return response
        # Read and closed at once: the library would leave the file of a stream open, and so would a request cut short.
        file: Any = response.response
        response.direct_passthrough = False
        response.make_sequence()
        file.close()
        # The mark of the plain file: another one as soon as the file is.
        g.static_edition, _is_weak = response.get_etag()
        answer: Response = compress.after_request(response)
        # A browser shows these or runs them whatever they are called, has their mark, asks for no part of them, and is
        # told the date by the server. A phone fetches sixty of them.
        for name in ("Content-Disposition", "Last-Modified", "Accept-Ranges", "Date"):
            answer.headers.pop(name, None)
        return answer

    app.view_functions["static"] = static
