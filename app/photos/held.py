"""Pictures that came with a form which asks something before it stores: cleaned, kept, and added when the answer comes.

A browser does not send chosen files twice. The page of the question carries a signed token a picture instead; only the
account that sent it can use it, and only for a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID, uuid4

from flask import current_app, flash
from flask_babel import gettext as _
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.people.actor import Actor
from app.photos import actions
from app.photos.actions import Archive
from app.photos.commands import parse_upload
from app.photos.rules import MOST_PER_SUBJECT
from app.photos.views import chosen, refusals_said

# Less than the day after which `quietude photos clean` takes the file away.
HELD_S = 20 * 3600


def hold_chosen(kept: Archive, actor: Actor) -> list[str]:
    """Keep the pictures of this request's form; what is refused is said on the page. Returns a token for each.

    Raises:
        NotSignedInError, ForbiddenError

    """
    actions.require_adding(actor)
    tokens: list[str] = []
    for name, raw in chosen():
        if len(tokens) == MOST_PER_SUBJECT:
            flash(_("%(name)s was not added: six photos at most.", name=name), "error")
            continue
        with refusals_said(name):
            # The id comes now: the answer sent twice still adds the picture once.
            held = [actions.hold(kept, raw).hex(), str(uuid4()), name, actor.user_id]
            tokens.append(str(_signer().dumps(held)))
    return tokens


def store_held(
    kept: Archive, actor: Actor, subject: str, subject_id: UUID, tokens: Iterable[str], *, now: datetime
) -> int:
    """Add held pictures to what they belong to now. Returns how many were added; the others are said on the next page.

    Raises:
        NotSignedInError, ForbiddenError, NotFoundError

    """
    added = 0
    for token in list(tokens)[:MOST_PER_SUBJECT]:
        try:
            sha256, photo_id, name, account_id = _signer().loads(token, max_age=HELD_S)
            raw = kept.files.path(bytes.fromhex(sha256)).read_bytes()
        except (BadSignature, FileNotFoundError):
            account_id = None
        if account_id != actor.user_id:
            flash(_("A photo was not kept: add it again."), "error")
            continue
        with refusals_said(name):
            command = parse_upload({"id": photo_id}, raw, now=now)
            actions.upload(kept, actor, subject, subject_id, command, now=now)
            added += 1
        actions.let_go(kept, bytes.fromhex(sha256))
    return added


def _signer() -> URLSafeTimedSerializer:
    assert current_app.secret_key is not None
    return URLSafeTimedSerializer(current_app.secret_key, salt="held-photo")
