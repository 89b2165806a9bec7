"""Heat tiles, the value at a place, the legend, the table, and what can be asked for."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, cast

from flask import Blueprint, Response, current_app, jsonify, request
from flask_babel import gettext as _

from app.errors import BadRequestError, NotFoundError
from app.heat import api
from app.heat.actions import UNIT, Heat, HeatQuery, Look
from app.heat.exposure import CODES as EXPOSURES
from app.heat.exposure import KINDS
from app.heat.measures import (
    AGAINST,
    HALF_LIFE_DAYS,
    HALF_LIFE_LEAST,
    HALF_LIFE_MOST,
    MEASURES,
    Measure,
    measures_for,
)
from app.heat.reference import TABLES
from app.heat.selection import FILTER_KEYS
from app.heat.surface import BANDWIDTH_DEFAULT_M, BANDWIDTH_MAX_M, BANDWIDTH_MIN_M
from app.heat.tiles import ZOOM_MAX, ZOOM_MIN, tile_exists
from app.heat.viewer import viewer_of
from app.heat.words import (
    class_text,
    exposure_text,
    legend_texts,
    measure_text,
    notice_texts,
    point_texts,
    quarters,
    unit_text,
)
from app.people.identity import current_actor
from app.reports.filters import LIST_KEYS, ReportFilter, parse_filter
from app.web.context import services

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    from app.heat.keeper import Kept
    from app.heat.viewer import Viewer
    from app.nomenclature.store import Nomenclature

blueprint = Blueprint("heat", __name__)
# What the classes of a picture can be made to end at, in the measure's unit.
_TOP_LEAST, _TOP_MOST = 1e-6, 1e9
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
    for name in set(LIST_KEYS) - {*FILTER_KEYS, "bbox"}:
        if args.get(name, "").strip():
            # The cube does not know until when: the lists of reports do.
            raise BadRequestError(name, _("the heat map cannot be filtered by this, only lists of reports can"))
    return HeatQuery(parse_filter(args, nomenclature), _bandwidth(args), _measured(args), _top(args))


def _top(args: Mapping[str, str]) -> float | None:
    value = args.get("top", "").strip()
    try:
        top = float(value) if value else None
    except ValueError:
        top = math.nan
    if top is not None and not _TOP_LEAST <= top <= _TOP_MOST:
        raise BadRequestError("top", _("write where the classes end, in the measure's unit"))
    return top


def _bandwidth(args: Mapping[str, str]) -> int:
    return _whole(args, "bandwidth", BANDWIDTH_DEFAULT_M, (BANDWIDTH_MIN_M, BANDWIDTH_MAX_M), _("metres"))


def _whole(args: Mapping[str, str], name: str, usual: int, between: tuple[int, int], unit: str) -> int:
    least, most = between
    value = args.get(name, "").strip() or str(usual)
    # Plain digits only: int() would also take "1_5", "+150" and other scripts' digits.
    if value.isascii() and value.isdigit() and len(value) <= 4 and least <= int(value) <= most:  # noqa: PLR2004
        return int(value)
    message = _("choose whole %(unit)s from %(least)s to %(most)s", unit=unit, least=least, most=most)
    raise BadRequestError(name, message)


def _measured(args: Mapping[str, str]) -> Measure:
    """The measure with its own parameters; those of other measures are checked, and left out."""
    code = _one_of(args, "measure", MEASURES) or MEASURES[0]
    exposure = _one_of(args, "exposure", EXPOSURES)
    half_life_days = _whole(args, "half_life", HALF_LIFE_DAYS, (HALF_LIFE_LEAST, HALF_LIFE_MOST), _("days"))
    against = _one_of(args, "against", AGAINST) or AGAINST[0]
    usual = Measure(code)
    return Measure(
        code,
        exposure if code == "per_exposure" else usual.exposure,
        half_life_days if code == "weighted" else usual.half_life_days,
        against if code == "change" else usual.against,
    )


def _one_of(args: Mapping[str, str], name: str, known: Collection[str]) -> str:
    value = args.get(name, "").strip()
    if value and value not in known:
        raise BadRequestError(name, _("choose one of: %(known)s", known=", ".join(known)))
    return value


def _permitted(query: HeatQuery, viewer: Viewer, kept: Kept) -> HeatQuery:
    """The query with its exposure filled in.

    Raises:
        BadRequestError: a measure or an exposure that this viewer does not get, or of which nothing is known; an
            organisation that there is not (the public, who sees nothing of any, is not told which there are).

    """
    slug = query.chosen.organisation
    if slug is not None and not viewer.is_protected and kept.organisation(slug) is None:
        raise BadRequestError("organisation", _("“%(value)s” is not known", value=slug[:40]))
    allowed = measures_for(viewer)
    if query.measure not in allowed:
        message = _("only with an account; for everybody: %(known)s", known=", ".join(allowed))
        raise BadRequestError("measure", message)
    if query.measure != "per_exposure":
        return query
    known = exposures_for(viewer, kept)
    exposure = query.measured.exposure or next(iter(known), "")
    if exposure not in known:
        raise BadRequestError("exposure", _no_exposure(exposure, known))
    return replace(query, measured=replace(query.measured, exposure=exposure))


def exposures_for(viewer: Viewer, kept: Kept) -> tuple[str, ...]:
    """The exposures of which something is known and that the viewer may see."""
    known = kept.reference.exposures
    return tuple(code for code in EXPOSURES if code in known and (KINDS[code].is_public or not viewer.is_protected))


def _no_exposure(asked: str, known: tuple[str, ...]) -> str:
    reasons = {
        "residents": _("no population of IRIS was imported"),
        "dwellings": _("no residences were imported"),
        "stops": _("no stops were imported"),
        "patrols": _("no patrols are recorded"),
    }
    reason = reasons.get(asked, _("nothing to compare with was imported"))
    return str(_("%(reason)s; there is: %(known)s", reason=reason, known=", ".join(known) or "–"))


def look(args: Mapping[str, str] | None = None, viewer: Viewer | None = None) -> Look:
    """What the asker sees with the request's parameters; or with others, or another viewer (the command line)."""
    viewer = viewer or viewer_of(current_actor())
    engine = heat()
    kept = engine.keeper.current()
    query = _permitted(parse_query(request.args if args is None else args, kept.nomenclature), viewer, kept)
    return engine.look(kept, query, viewer)


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
@api.TILE
def tile(z: int, x: int, y: int) -> Response:
    """A palette PNG of 256 × 256 pixels in Web Mercator."""
    return _tile(z, x, y, 1)


@blueprint.get("/tiles/heat/<int:z>/<int:x>/<int:y>@2x.png")
@api.FINE_TILE
def fine_tile(z: int, x: int, y: int) -> Response:
    """The same with 512 × 512 pixels, for fine screens."""
    return _tile(z, x, y, 2)


def _tile(z: int, x: int, y: int, pixels_per_point: int) -> Response:
    if not ZOOM_MIN <= z <= ZOOM_MAX:
        raise BadRequestError("z", _("choose a zoom from %(least)s to %(most)s", least=ZOOM_MIN, most=ZOOM_MAX))
    if not tile_exists(z, x, y):
        raise NotFoundError("tile", (z, x, y))
    seen = look()
    tag = f"{z}-{x}-{y}-{pixels_per_point}-{seen.query.top or ''}"
    response = _marked(Response(mimetype="image/png"), seen, tag)
    if seen.stale_since is None and request.if_none_match.contains(f"{seen.key}-{tag}"):
        response.status_code = 304
        return response
    response.set_data(seen.tile(z, x, y, pixels_per_point))
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
@api.POINT
def point() -> Response:
    """The value at one place: what a click on the map shows."""
    lon, lat = place_asked_for()
    seen = look()
    found = seen.point(lon, lat)
    exposure = seen.query.measured.exposure
    words = {"unit_text": unit_text(found.measure, exposure), "words": ", ".join(point_texts(found, exposure))}
    return _marked(jsonify(asdict(found) | words), seen)


@blueprint.get("/api/heat/legend")
@api.LEGEND
def legend() -> Response:
    """What colours and numbers mean."""
    seen = look()
    found = seen.legend()
    classes = [asdict(one) | {"text": class_text(one)} for one in found.classes]
    document = {
        "classes": classes,
        "unit": found.unit,
        "unit_text": unit_text(found.measure, found.measured.exposure),
        "measure": found.measure,
        "parameters": asdict(found.measured),
        "explanations": legend_texts(found),
        "bandwidth_m": found.bandwidth_m,
        "reports": found.reports,
        "from": _iso(found.from_date),
        "to": _iso(found.to_date),
        "against": None,
        "protected": found.is_protected,
        "notices": notice_texts(found.notices, heat().k),
        "stale_since": found.stale_since.isoformat(timespec="seconds") if found.stale_since else None,
    }
    if found.against is not None:
        first, last = found.against.first, found.against.last
        document["against"] = {"from": _iso(first), "to": _iso(last), "reports": found.reports_before}
    return _marked(jsonify(document), seen)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def table_asked_for() -> str:
    """What the table goes by.

    Raises:
        BadRequestError: there is no such table.

    """
    return _one_of(request.args, "by", TABLES) or TABLES[0]


@blueprint.get("/api/heat/table")
@api.TABLE
def table() -> Response:
    """Reports by neighbourhood, IRIS, QPV or stop, the same filter and the same protection as the picture."""
    by = table_asked_for()
    seen = look()
    return _marked(jsonify({"unit": UNIT, "by": by, "rows": [asdict(row) for row in seen.table(by)]}), seen)


@blueprint.get("/api/heat/options")
@api.OPTIONS
def options() -> Response:
    """What this viewer may ask for: measures, exposures, tables, and the periods that can be protected as a whole."""
    viewer = viewer_of(current_actor())
    kept = heat().keeper.current()
    return _marked(jsonify(heat_options(viewer, kept)), heat().look(kept, HeatQuery(ReportFilter()), viewer))


def heat_options(viewer: Viewer, kept: Kept) -> dict[str, Any]:
    """The choices of the map page, with their names in the reader's language."""
    measures = [{"code": code, "text": measure_text(code)} for code in measures_for(viewer)]
    known = exposures_for(viewer, kept)
    if not known:
        measures = [one for one in measures if one["code"] != "per_exposure"]
    tables = [by for by in TABLES if kept.reference.places.get(by)]
    today = heat().today()
    return {
        "measures": measures,
        "exposures": [{"code": code, "text": exposure_text(code)} for code in known],
        "tables": tables,
        "against": list(AGAINST),
        "bandwidth_m": {"least": BANDWIDTH_MIN_M, "most": BANDWIDTH_MAX_M, "usual": BANDWIDTH_DEFAULT_M},
        "half_life_days": {"least": HALF_LIFE_LEAST, "most": HALF_LIFE_MOST, "usual": HALF_LIFE_DAYS},
        "quarters": quarters(today.replace(year=today.year - 2), today),
        "protected": viewer.is_protected,
    }
