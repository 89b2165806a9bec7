"""The map page `/map`, and what its script asks for: legend and table, steps in time, the value at a place in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from app.errors import BadRequestError, NoTerritoryError
from app.heat.map import build_map
from app.heat.page_query import LAYERS, SECOND, USUAL_LAYERS, PageQuery, joined, parse_page
from app.heat.routes import heat, heat_options, look, place_asked_for, table_asked_for
from app.heat.selection import FILTER_KEYS
from app.heat.steps import STEPS_MOST, steps_of
from app.heat.words import class_text, exposure_text, legend_texts, measure_text, notice_texts, point_texts, unit_text
from app.people.identity import current_actor
from app.places.actions import current_territory
from app.reports.filters import LOCAL_ZONE
from app.reports.rules import OPEN_STATES, STATES
from app.web.basemap import BASEMAPS
from app.web.context import services

if TYPE_CHECKING:
    from app.heat.actions import Look
    from app.heat.edge import Territory
    from app.heat.tables import PlaceCount

blueprint = Blueprint("map", __name__, template_folder="templates")

# The choice on the page; the tiles take any whole number of metres between 50 and 1,000.
BANDWIDTHS_M = (75, 150, 300, 600)
AMIENS_BOUNDS = (2.22, 49.84, 2.35, 49.96)
# More rows than this are fetched when they are asked for, so that the page stays small whatever was imported.
ROWS_MOST = 60
EXPORT_ROLES = ("planner", "coordinator")
TILES = "/tiles/heat/{z}/{x}/{y}{r}.png"


def _looks(asked: PageQuery) -> list[Look]:
    """One a period; two have the same classes, so that their colours can be compared."""
    seen = [look(asked.heat[0])]
    if asked.is_compared:
        seen.append(_second_look(asked.heat[1]))
    if len(seen) == 1 or seen[0].query.top is not None:
        return seen
    top = max(one.picture().layer.top for one in seen) or None
    return [replace(one, query=replace(one.query, top=top)) for one in seen]


def _second_look(args: dict[str, str]) -> Look:
    """Of the second period; what is wrong with it is said under the names it has on the page."""
    try:
        return look(args)
    except BadRequestError as error:
        names = {plain: name for name, plain in SECOND.items()}
        raise BadRequestError(names.get(error.parameter, error.parameter), error.message) from None


def _results(asked: PageQuery, seen: list[Look]) -> dict[str, Any]:
    by = table_asked_for()
    legends = [one.legend() for one in seen]
    first = legends[0]
    rows = _side_by_side([one.table(by) for one in seen])
    exposure = first.measured.exposure
    return {
        "legend": first,
        "legends": legends,
        "class_texts": [class_text(one) for one in first.classes],
        "measure_text": f"{measure_text(first.measure)} {exposure_text(exposure) if exposure else ''}".strip(),
        "unit_text": unit_text(first.measure, exposure),
        "explanations": [legend_texts(one) for one in legends],
        "notices": list(dict.fromkeys(text for one in legends for text in notice_texts(one.notices, heat().k))),
        "top": seen[0].query.top,
        "by": by,
        "tables": heat_options(seen[0].viewer, seen[0].kept)["tables"],
        "rows": rows if asked.all_rows else rows[:ROWS_MOST],
        "rows_total": len(rows),
        "has_before": any(row.before is not None for row, _second in rows),
        "is_empty_register": _is_empty(seen[0]),
        "downloads": _downloads(asked),
        "heat_query": urlencode(asked.heat[0] | {"by": by}),
    }


def _is_empty(seen: Look) -> bool:
    """Whether there is nothing to see whatever the filter: of the reports nobody may learn more than from the map."""
    if seen.viewer.is_protected:
        return not len(seen.heat.sight(seen.kept, seen.viewer).groups)
    return not len(seen.kept.rows)


def _side_by_side(tables: list[list[PlaceCount]]) -> list[tuple[PlaceCount, PlaceCount | None]]:
    """Each place once, with its row of the second period; the first period's order."""
    if len(tables) == 1:
        return [(row, None) for row in tables[0]]
    second = {row.place_id: row for row in tables[1]}
    rows = [(row, second.pop(row.place_id, _nothing(row))) for row in tables[0]]
    return [*rows, *((_nothing(row), row) for row in second.values())]


def _nothing(row: PlaceCount) -> PlaceCount:
    rate = None if row.per_km2_30d is None else 0.0
    return replace(row, reports=0, per_km2_30d=rate, before=None)


def _downloads(asked: PageQuery) -> list[tuple[str, str]]:
    """Address and name of what can be taken along."""
    picture = asked.heat[0]
    found = [
        (f"/map.pdf?{urlencode(picture)}", _("Map as PDF")),
        (f"/map.png?{urlencode(picture)}", _("Map as an image")),
        (f"/map.html?{urlencode(picture)}", _("Map as one file, without network")),
    ]
    if current_actor().role in EXPORT_ROLES:
        filters = {key: asked.heat[0][key] for key in FILTER_KEYS if key in asked.heat[0]}
        found.append((f"/export/reports.geojson?{urlencode(filters)}", _("Reports as GeoJSON")))
    return [(address.rstrip("?"), name) for address, name in found]


def _bounds(kept: Territory | None) -> tuple[float, float, float, float]:
    """The territory; while the database is away that of the last good picture; Amiens while there is none."""
    try:
        return current_territory().bounds
    except NoTerritoryError:
        return AMIENS_BOUNDS
    except SQLAlchemyError:
        return AMIENS_BOUNDS if kept is None else kept.bounds_4326


def _state_choices(chosen: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Groups first, then every state; what the address has beside these is a choice too."""
    groups = [("open", tuple(sorted(OPEN_STATES))), ("done", ("resolved", "verified"))]
    choices = [*groups, *((state, (state,)) for state in STATES)]
    return choices if not chosen or chosen in [states for _name, states in choices] else [*choices, ("other", chosen)]


@blueprint.get("/map")
def page() -> Any:
    """The page: filters, the map, its legend, and the table that says the same."""
    args = joined(request.args)
    if any(len(request.args.getlist(key)) > 1 for key in request.args):
        return redirect(f"{url_for('map.page')}?{urlencode(args, safe=',')}")
    asked = parse_page(args)
    seen = _looks(asked)
    settings = services().settings
    first = asked.heat[0] | ({"top": repr(seen[0].query.top)} if seen[0].query.top else {})
    parts = build_map(
        assets=url_for("static", filename="node_modules/leaflet/dist"),
        tile_url=f"{TILES}{'?' if first else ''}{urlencode(first)}",
        bounds=_bounds(seen[0].territory),
        basemap=BASEMAPS.get(settings.basemap),
        legend_label=_("Legend"),
    )
    query = seen[0].query
    may_see_points = current_actor().is_signed_in
    return render_template(
        "heat/map.html",
        parts=parts,
        asked=asked,
        args=args,
        nomenclature=seen[0].kept.nomenclature,
        chosen=query.chosen,
        organisations=sorted(seen[0].kept.organisations, key=lambda one: one.name.casefold()),
        measured=query.measured,
        bandwidth_m=query.bandwidth_m,
        bandwidths=sorted({*BANDWIDTHS_M, query.bandwidth_m}),
        options=heat_options(seen[0].viewer, seen[0].kept),
        exposure_text=exposure_text,
        state_choices=_state_choices(query.chosen.states),
        layers=LAYERS,
        usual_layers=",".join(name for name in USUAL_LAYERS if name != "reports" or may_see_points),
        today=datetime.now(LOCAL_ZONE).date().isoformat(),
        is_protected=seen[0].viewer.is_protected,
        may_see_points=may_see_points,
        second=(date.fromisoformat(args["from2"]), date.fromisoformat(args["to2"])) if asked.is_compared else None,
        **_results(asked, seen),
    )


@blueprint.get("/map/results")
def results() -> str:
    """The legend and the table of another filter."""
    asked = parse_page(joined(request.args))
    return render_template("heat/_results.html", **_results(asked, _looks(asked)))


@blueprint.get("/map/steps")
def steps() -> Response:
    """The time slider's steps, and where the classes of all of them end."""
    asked = parse_page(joined(request.args))
    found = steps_of(look({key: value for key, value in asked.heat[0].items() if key != "top"}))
    cut = _("The last %(num)s steps of the period.", num=STEPS_MOST) if found.is_cut else ""
    listed = [{"from": s.first.isoformat(), "to": s.last.isoformat(), "text": s.text} for s in found.steps]
    return jsonify(steps=listed, top=found.top, note=cut)


@blueprint.get("/map/point")
def point() -> str:
    """The value at one place, in words."""
    asked = parse_page(joined(request.args), also=("lon", "lat"))
    lon, lat = place_asked_for()
    seen = look(asked.heat[0])
    texts = point_texts(seen.point(lon, lat), seen.query.measured.exposure)
    return render_template("heat/_point.html", texts=texts)
