"""The WSGI application, for a server of one's own: `gunicorn wsgi:app`. `quietude serve` needs it not."""

from __future__ import annotations

from app import create_app

app = create_app()
