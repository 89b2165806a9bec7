"""`/map.html`, `/map.png`, `/map.pdf`: the current map to take along, with the parameters of the page."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import cast

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _
from flask_limiter import Limiter
from limits import RateLimitItemPerMinute
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests

from app.errors import BadRequestError, NoTerritoryError
from app.heat.page_query import HEAT_KEYS
from app.heat.reference import TABLES
from app.heat.routes import look
from app.heat.takeaway import PIXELS_MOST, SIDE_LEAST, SIDE_MOST, SIZE, Kind, Order, made
from app.heat.takeaway_frame import Bounds
from app.heat.viewer import Viewer
from app.people.identity import rate_key
from app.people.limits import is_on
from app.places.actions import current_territory
from app.reports.filters import LOCAL_ZONE, parse_filter
from app.web.context import services
from app.web.pages import has_synthetic_data
from app.web.pdf import NoPdfError
from app.web.problems import error_answer

blueprint = Blueprint("takeaway", __name__, template_folder="templates")

# The page's own, which say nothing here: its address can be sent as it is.
PAGE_KEYS = ("rows", "layers", "at", "step", "from2", "to2")
MEDIA_TYPES: dict[Kind, str] = {"html": "text/html; charset=utf-8", "png": "image/png", "pdf": "application/pdf"}
# Each takes a second or more of a processor: so many a minute for each account or address, and two at once a process.
RATE = RateLimitItemPerMinute(12)
AT_ONCE, WAIT_S = 2, 20.0
_SLOTS = threading.BoundedSemaphore(AT_ONCE)
# What is shown while there is no territory.
AMIENS_BOUNDS: Bounds = (2.22, 49.84, 2.35, 49.96)
_BOX_LEAST_DEGREES, _BOX_MOST_DEGREES = 0.002, 4.0
_FRANCE: Bounds = (-6.0, 41.0, 10.5, 51.5)


@blueprint.get("/map.html")
def html() -> Response:
    """One self-contained file."""
    return _answer("html")


@blueprint.get("/map.png")
def png() -> Response:
    """An image of `size` WIDTHxHEIGHT pixels."""
    return _answer("png")


@blueprint.get("/map.pdf")
def pdf() -> Response:
    """An A4 sheet with the table."""
    return _answer("pdf")


def _answer(kind: Kind) -> Response:
    order = order_of(request.args)
    _take_turn()
    try:
        with _slot():
            body = made(order, kind, services().engine)
    except NoPdfError as error:
        return error_answer(503, str(error))
    response = Response(body, content_type=MEDIA_TYPES[kind])
    day = order.now.astimezone(LOCAL_ZONE).date().isoformat()
    response.headers["Content-Disposition"] = f'attachment; filename="quietude-{day}.{kind}"'
    return response


def order_of(args: Mapping[str, str], viewer: Viewer | None = None) -> Order:
    """What was asked for, as the asker (or the given viewer) sees it.

    Raises:
        BadRequestError: names the parameter.

    """
    for name in args:
        if name not in {*HEAT_KEYS, *PAGE_KEYS, "by", "bbox", "size"}:
            raise BadRequestError(name[:40], _("there is no such parameter"))
    by = args.get("by", "").strip() or TABLES[0]
    if by not in TABLES:
        raise BadRequestError("by", _("choose one of: %(known)s", known=", ".join(TABLES)))
    size = _size(args.get("size", "").strip())
    heat_args = {key: value for key, value in args.items() if key in HEAT_KEYS}
    seen = look(heat_args, viewer)
    box = parse_filter({"bbox": args.get("bbox", "")}, seen.kept.nomenclature).bbox
    bounds = _territory_bounds() if box is None else _box(box)
    return Order(seen, bounds, by, datetime.now(UTC), has_synthetic_data(), size)


def _size(value: str) -> tuple[int, int]:
    if not value:
        return SIZE
    found = re.fullmatch(r"([0-9]{3,4})x([0-9]{3,4})", value)
    width, height = (int(side) for side in found.groups()) if found else (0, 0)
    if not (SIDE_LEAST <= width <= SIDE_MOST and SIDE_LEAST <= height <= SIDE_MOST and width * height <= PIXELS_MOST):
        message = _(
            "write WIDTHxHEIGHT, each from %(least)s to %(most)s pixels, at most %(millions)s million together",
            least=SIDE_LEAST, most=SIDE_MOST, millions=PIXELS_MOST // 1_000_000,
        )  # fmt: skip
        raise BadRequestError("size", message)
    return width, height


def _box(box: Bounds) -> Bounds:
    west, south, east, north = box
    in_france = west >= _FRANCE[0] and south >= _FRANCE[1] and east <= _FRANCE[2] and north <= _FRANCE[3]
    if not in_france:
        raise BadRequestError("bbox", _("there are maps of metropolitan France only"))
    if not _BOX_LEAST_DEGREES <= max(east - west, north - south) <= _BOX_MOST_DEGREES:
        message = _("choose a box of %(least)s to %(most)s degrees", least=_BOX_LEAST_DEGREES, most=_BOX_MOST_DEGREES)
        raise BadRequestError("bbox", message)
    return box


def _territory_bounds() -> Bounds:
    try:
        return current_territory().bounds
    except (NoTerritoryError, SQLAlchemyError):
        return AMIENS_BOUNDS


def _take_turn() -> None:
    limiter = cast("Limiter", current_app.extensions["quietude_limiter"]).limiter
    key = f"takeaway:{rate_key()}"
    if is_on() and not limiter.hit(RATE, key):
        wait_s = limiter.get_window_stats(RATE, key).reset_time - time.time()
        raise TooManyRequests(retry_after=max(1, int(wait_s) + 1))


@contextmanager
def _slot() -> Iterator[None]:
    if not _SLOTS.acquire(timeout=WAIT_S):
        raise ServiceUnavailable(retry_after=30)
    try:
        yield
    finally:
        _SLOTS.release()
