"""Scripts and styles travel compressed: most of a first visit on a phone.

Pages do not: they hold a CSRF token beside what an address puts into them, which is what BREACH guesses by size.
Exports, tiles and layers compress themselves where it pays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_compress import Compress

if TYPE_CHECKING:
    from flask import Flask, Response


def init_app(app: Flask) -> None:
    """Compress the static files, and nothing else. Browsers know Brotli only over HTTPS and on this machine."""
    app.config |= {"COMPRESS_REGISTER": False, "COMPRESS_ALGORITHM": ["br", "gzip"], "COMPRESS_BR_LEVEL": 5}
    compress, plain = Compress(app), app.view_functions["static"]

    def static(**values: Any) -> Response:
        response: Response = app.ensure_sync(plain)(**values)
        if response.status_code != 200:  # noqa: PLR2004  (a part of a file is not a part of the compressed one)
            return response
        # Read at once: the library would leave the file of a stream open.
        response.direct_passthrough = False
        response.make_sequence()
        return compress.after_request(response)

    app.view_functions["static"] = static
