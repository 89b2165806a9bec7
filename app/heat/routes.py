"""Heat tiles, the value at a place, the legend and the table."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from flask import Blueprint, Response, current_app, jsonify, request
from flask_babel import gettext as _

from app.errors import BadRequestError, NotFoundError
from app.heat.actions import UNIT, Heat, HeatQuery, Look
from app.heat.surface import BANDWIDTH_DEFAULT_M, BANDWIDTH_MAX_M, BANDWIDTH_MIN_M
from app.heat.tiles import ZOOM_MAX, ZOOM_MIN, tile_exists
from app.heat.viewer import viewer_of
from app.heat.words import notice_texts
from app.people.identity import current_actor
from app.reports.filters import parse_filter
from app.web.context import services

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.nomenclature.store import Nomenclature

blueprint = Blueprint("heat", __name__)
MEASURES = ("count",)
# Degrees that the lattice holds (metropolitan France with a margin).
_LON, _LAT = (-6.0, 10.5), (41.0, 51.5)


def heat() -> Heat:
    """The current application's heat engine, made at the first request."""
    made = current_app.extensions.get("quietude_heat")
    if made is None:
        fresh = Heat(services().engine, services().settings.small_number)
        # setdefault, so that threads that start together share one cube.
        made = current_app.extensions.setdefault("quietude_heat", fresh)
    return cast("Heat", made)


def parse_query(args: Mapping[str, str], nomenclature: Nomenclature) -> HeatQuery:
    """The filter, bandwidth and measure of a request.

    Raises:
        BadRequestError: names the parameter.

    """
    if args.get("bbox", "").strip():
        raise BadRequestError("bbox", _("the heat map cannot be cut to a box"))
    return HeatQuery(parse_filter(args, nomenclature), _bandwidth(args), _measure(args))


def _bandwidth(args: Mapping[str, str]) -> int:
    value = args.get("bandwidth", "").strip() or str(BANDWIDTH_DEFAULT_M)
    # Plain digits only: int() would also take "1_5", "+150" and other scripts' digits.
    if value.isascii() and value.isdigit() and len(value) <= 4:  # noqa: PLR2004
        bandwidth_m = int(value)
        if BANDWIDTH_MIN_M <= bandwidth_m <= BANDWIDTH_MAX_M:
            return bandwidth_m
    message = _("choose whole metres from %(least)s to %(most)s", least=BANDWIDTH_MIN_M, most=BANDWIDTH_MAX_M)
    raise BadRequestError("bandwidth", message)


def _measure(args: Mapping[str, str]) -> str:
    value = args.get("measure", "").strip() or MEASURES[0]
    if value not in MEASURES:
        raise BadRequestError("measure", _("only “count” can be drawn"))
    return value


def look() -> Look:
    """What the asker sees with the request's parameters."""
    viewer = viewer_of(current_actor())
    engine = heat()
    kept = engine.keeper.current()
    return engine.look(kept, parse_query(request.args, kept.nomenclature), viewer)


def _marked(response: Response, seen: Look, tag: str = "") -> Response:
    """Cache rules: asked again each time, kept apart by who asks, answered with 304 while nothing changed."""
    response.vary.update(("Cookie", "Authorization", "Accept-Language"))
    response.cache_control.no_cache = True
    if seen.viewer.is_protected:
        response.cache_control.public = True
    else:
        response.cache_control.private = True
    if seen.stale_since is not None:
        response.headers["X-Quietude-Stale"] = seen.stale_since.isoformat(timespec="seconds")
        response.cache_control.no_store = True
    elif tag:
        response.set_etag(f"{seen.key}-{tag}")
    return response


@blueprint.get("/tiles/heat/<int:z>/<int:x>/<int:y>.png")
def tile(z: int, x: int, y: int) -> Response:
    """A palette PNG of 256 × 256 pixels in Web Mercator."""
    if not ZOOM_MIN <= z <= ZOOM_MAX:
        raise BadRequestError("z", _("choose a zoom from %(least)s to %(most)s", least=ZOOM_MIN, most=ZOOM_MAX))
    if not tile_exists(z, x, y):
        raise NotFoundError("tile", (z, x, y))
    seen = look()
    response = _marked(Response(mimetype="image/png"), seen, f"{z}-{x}-{y}")
    if seen.stale_since is None and request.if_none_match.contains(f"{seen.key}-{z}-{x}-{y}"):
        response.status_code = 304
        return response
    response.set_data(seen.tile(z, x, y))
    return response


def _degrees(name: str, bounds: tuple[float, float]) -> float:
    value = request.args.get(name, "").strip()
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not bounds[0] <= number <= bounds[1]:
        message = _("write degrees from %(least)s to %(most)s", least=bounds[0], most=bounds[1])
        raise BadRequestError(name, message)
    return number


def place_asked_for() -> tuple[float, float]:
    """Lon and lat of the request, in degrees.

    Raises:
        BadRequestError: names the parameter.

    """
    return _degrees("lon", _LON), _degrees("lat", _LAT)


@blueprint.get("/api/heat/point")
def point() -> Response:
    """The value at one place: what a click on the map shows."""
    lon, lat = place_asked_for()
    seen = look()
    return _marked(jsonify(asdict(seen.point(lon, lat))), seen)


@blueprint.get("/api/heat/legend")
def legend() -> Response:
    """What colours and numbers mean."""
    seen = look()
    found = seen.legend()
    classes = [{"lower": c.lower, "upper": c.upper, "rgba": c.rgba} for c in found.classes]
    document = {
        "classes": classes,
        "unit": found.unit,
        "measure": found.measure,
        "bandwidth_m": found.bandwidth_m,
        "reports": found.reports,
        "from": found.from_date.isoformat() if found.from_date else None,
        "to": found.to_date.isoformat() if found.to_date else None,
        "protected": found.is_protected,
        "notices": notice_texts(found.notices, heat().k),
        "stale_since": found.stale_since.isoformat(timespec="seconds") if found.stale_since else None,
    }
    return _marked(jsonify(document), seen)


@blueprint.get("/api/heat/table")
def table() -> Response:
    """Reports by neighbourhood, the same filter and the same protection as the picture."""
    seen = look()
    return _marked(jsonify({"unit": UNIT, "rows": [asdict(row) for row in seen.table()]}), seen)
