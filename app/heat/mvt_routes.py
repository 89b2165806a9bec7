"""`/tiles/reports/{z}/{x}/{y}.mvt` and its TileJSON: clusters below zoom 15, single reports from there."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, jsonify, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from app.errors import BadRequestError, NoTerritoryError, NotFoundError
from app.heat import api
from app.heat.mvt import (
    CLUSTER_FIELDS,
    CLUSTERS,
    MEDIA_TYPE,
    POINTS_FROM_ZOOM,
    REPORT_FIELDS,
    REPORTS,
    ZOOM_MAX,
    ZOOM_MIN,
    Tile,
)
from app.heat.mvt_actions import Asking, VectorTiles, fitting
from app.heat.routes import look
from app.heat.selection import FILTER_KEYS
from app.heat.tiles import tile_exists
from app.people.identity import current_actor
from app.places.actions import current_territory
from app.places.lattice import FRANCE_LON_LAT
from app.web.compression import gzipped
from app.web.context import base_url, services

if TYPE_CHECKING:
    from typing import Any

blueprint = Blueprint("vector_tiles", __name__)
# Beyond this zoom a client enlarges: a tile of zoom 16 tells places 10 cm apart.
NATIVE_ZOOM_MAX = 16


def vector_tiles() -> VectorTiles:
    """The current application's vector tiles."""
    made = current_app.extensions.get("quietude_vector_tiles")
    if made is None:
        made = current_app.extensions.setdefault("quietude_vector_tiles", VectorTiles(services().engine))
    return cast("VectorTiles", made)


def _asking() -> Asking:
    return fitting(Asking(look(), current_actor()))


def _marked(response: Response, asking: Asking, tag: str) -> Response:
    """As heat tiles: asked again each time, kept apart by who asks, answered with 304 while nothing changed."""
    response.vary.update(("Cookie", "Authorization", "Accept-Encoding"))
    response.cache_control.no_cache = True
    # QGIS (Qt) keeps what it read, whoever read it, and asks again only when told so in these words.
    response.cache_control.must_revalidate = True
    if asking.look.viewer.is_protected:
        response.cache_control.public = True
    else:
        response.cache_control.private = True
    if asking.look.stale_since is not None:
        response.headers["X-Quietude-Stale"] = asking.look.stale_since.isoformat(timespec="seconds")
        response.cache_control.no_store = True
    else:
        response.set_etag(tag, weak=True)
    return response


def _known(asking: Asking, tag: str) -> bool:
    return asking.look.stale_since is None and request.if_none_match.contains_weak(tag)


@blueprint.get("/tiles/reports/<int:z>/<int:x>/<int:y>.mvt")
@api.VECTOR_TILE
def tile(z: int, x: int, y: int) -> Response:
    """A vector tile of the same filter as the map; without bytes when there is nothing in it."""
    if not ZOOM_MIN <= z <= ZOOM_MAX:
        raise BadRequestError("z", _("choose a zoom from %(least)s to %(most)s", least=ZOOM_MIN, most=ZOOM_MAX))
    if not tile_exists(z, x, y):
        raise NotFoundError("tile", (z, x, y))
    asking = _asking()
    asked_for = Tile(z, x, y)
    if asking.is_from_cube and (asking.look.viewer.is_protected or z < POINTS_FROM_ZOOM):
        tag = f"{asking.tag}-{z}-{x}-{y}"
        if _known(asking, tag):
            return _marked(Response(status=304), asking, tag)
        return _marked(_answer(vector_tiles().body(asking, asked_for)), asking, tag)
    # Rows of the database: what they hold is known once they are read.
    body = vector_tiles().body(asking, asked_for)
    tag = hashlib.sha256(body).hexdigest()[:32]
    return _marked(Response(status=304) if _known(asking, tag) else _answer(body), asking, tag)


def _answer(body: bytes) -> Response:
    """An empty tile is no bytes, with a status that every client takes for an answer."""
    response = Response(body, mimetype=MEDIA_TYPE)
    return gzipped(response, 5) if body else response


@blueprint.get("/tiles/reports.json")
@api.TILE_JSON
def tile_json() -> Response:
    """TileJSON 3.0.0: what a GIS needs to know; the filter of the request stays in the address of the tiles."""
    asking = _asking()
    query = urlencode({key: request.args[key] for key in FILTER_KEYS if request.args.get(key)})
    base = base_url()
    layers: list[dict[str, Any]] = [
        {"id": CLUSTERS, "fields": CLUSTER_FIELDS, "minzoom": ZOOM_MIN, "maxzoom": NATIVE_ZOOM_MAX}
    ]
    if asking.actor.is_signed_in:
        layers.append({"id": REPORTS, "fields": REPORT_FIELDS, "minzoom": POINTS_FROM_ZOOM, "maxzoom": NATIVE_ZOOM_MAX})
    document = {
        "tilejson": "3.0.0",
        "name": _("Reports"),
        "scheme": "xyz",
        "tiles": [f"{base}/tiles/reports/{{z}}/{{x}}/{{y}}.mvt{'?' if query else ''}{query}"],
        "vector_layers": layers,
        "bounds": map_bounds(),
        "minzoom": ZOOM_MIN,
        "maxzoom": NATIVE_ZOOM_MAX,
    }
    response = jsonify(document)
    response.vary.update(("Cookie", "Authorization", "Accept-Language"))
    response.cache_control.no_cache = True
    response.cache_control.private = True
    return response


def map_bounds() -> tuple[float, float, float, float]:
    """West, south, east, north of the territory, in degrees; of France without one."""
    try:
        return current_territory().bounds
    except (NoTerritoryError, SQLAlchemyError):
        return FRANCE_LON_LAT
