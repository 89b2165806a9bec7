"""How a mail leaves: by the SMTP server of the settings, the one that password resets go through."""

from __future__ import annotations

import smtplib
import ssl
import time
from email.message import EmailMessage
from urllib.parse import urlsplit

from app.notifications.store import Attempt
from app.people.setup import public_url
from app.settings import Settings

TIMEOUT_S = 15
ERROR_CHARACTERS = 300
# RFC 5321: from 500 on the answer will not change by trying again.
PERMANENT = 500


def send(settings: Settings, message: EmailMessage) -> Attempt:
    """Hand one mail to the server. Whatever goes wrong is an attempt that failed, never an exception."""
    started = time.monotonic()
    status, error = 250, None
    try:
        with _connected(settings) as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as refused:
        status, said = next(iter(refused.recipients.values()))
        error = _text(said)
    except smtplib.SMTPResponseException as refused:
        status, error = refused.smtp_code, _text(refused.smtp_error)
    except (OSError, smtplib.SMTPException) as failed:
        status, error = 0, f"{type(failed).__name__}: {failed}"
    duration_ms = round((time.monotonic() - started) * 1000)
    return Attempt(error is None, duration_ms, status or None, None, error and error[:ERROR_CHARACTERS])


def is_hopeless(attempt: Attempt) -> bool:
    """Whether the server said that it will never take this."""
    return not attempt.succeeded and attempt.status is not None and attempt.status >= PERMANENT


def _connected(settings: Settings) -> smtplib.SMTP:
    assert settings.mail_server is not None
    # Else smtplib asks the DNS for the machine's own name, which can take longer than the mail.
    name = urlsplit(public_url(settings)).hostname or "localhost"
    host, port = settings.mail_server, settings.mail_port
    server: smtplib.SMTP
    if settings.mail_security == "tls":
        tls = ssl.create_default_context()
        server = smtplib.SMTP_SSL(host, port, local_hostname=name, timeout=TIMEOUT_S, context=tls)
    else:
        server = smtplib.SMTP(host, port, local_hostname=name, timeout=TIMEOUT_S)
    try:
        if settings.mail_security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.mail_user:
            server.login(settings.mail_user, settings.mail_password or "")
    except BaseException:
        server.close()
        raise
    return server


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
