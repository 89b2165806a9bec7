"""The map page `/map`, and the fragments that its script asks for: legend and table, the value at a place in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from app.errors import BadRequestError, NoTerritoryError
from app.heat.actions import Look
from app.heat.map import build_map
from app.heat.routes import heat, look, place_asked_for
from app.heat.words import notice_texts
from app.people.identity import current_actor
from app.places.actions import current_territory
from app.reports.filters import KEYS, LOCAL_ZONE
from app.web.basemap import BASEMAPS
from app.web.context import services

blueprint = Blueprint("map", __name__, template_folder="templates")

# The choice on the page; the tiles take any whole number of metres between 50 and 1,000.
BANDWIDTHS_M = (75, 150, 300, 600)
PARAMETERS = (*KEYS, "bandwidth", "measure", "lon", "lat")
AMIENS_BOUNDS = (2.22, 49.84, 2.35, 49.96)


def _results(seen: Look) -> dict[str, Any]:
    legend = seen.legend()
    return {
        "legend": legend,
        "rows": seen.table(),
        "notices": notice_texts(legend.notices, heat().k),
        "bandwidth_m": seen.query.bandwidth_m,
    }


def _refuse_unknown() -> None:
    for name in request.args:
        if name not in PARAMETERS:
            raise BadRequestError(name[:40], _("there is no such parameter"))


def _bounds() -> tuple[float, float, float, float]:
    """The territory; Amiens while there is none, or while the database is away and the last good picture is shown."""
    try:
        return current_territory().bounds
    except (NoTerritoryError, SQLAlchemyError):
        return AMIENS_BOUNDS


@blueprint.get("/map")
def page() -> str:
    """The page: filters, the map, its legend, and the table that says the same."""
    _refuse_unknown()
    seen = look()
    settings = services().settings
    query = urlencode({key: value for key, value in request.args.items() if value})
    parts = build_map(
        assets=url_for("static", filename="node_modules/leaflet/dist"),
        tile_url=f"/tiles/heat/{{z}}/{{x}}/{{y}}.png{'?' if query else ''}{query}",
        bounds=_bounds(),
        basemap=BASEMAPS.get(settings.basemap),
        legend_label=_("Legend"),
    )
    return render_template(
        "heat/map.html",
        parts=parts,
        nomenclature=seen.kept.nomenclature,
        chosen=seen.query.chosen,
        bandwidths=sorted({*BANDWIDTHS_M, seen.query.bandwidth_m}),
        today=datetime.now(LOCAL_ZONE).date().isoformat(),
        may_choose_category=not seen.viewer.is_protected,
        may_see_points=current_actor().is_signed_in,
        **_results(seen),
    )


@blueprint.get("/map/results")
def results() -> str:
    """The legend and the table of another filter."""
    _refuse_unknown()
    return render_template("heat/_results.html", **_results(look()))


@blueprint.get("/map/point")
def point() -> str:
    """The value at one place, in words."""
    _refuse_unknown()
    lon, lat = place_asked_for()
    return render_template("heat/_point.html", point=look().point(lon, lat))
