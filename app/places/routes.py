"""`/api/places`: what is near a point; `/api/places/KIND.geojson`: reference geography as map layers."""

from __future__ import annotations

import gzip
import hashlib
import math
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, get_args

import brotli
from flask import Blueprint, Response, jsonify, request
from flask_babel import gettext as _

from app.db.session import unit_of_work
from app.errors import BadRequestError, NotFoundError
from app.people.identity import current_actor, require_signed_in
from app.places import api, store
from app.places.store import Bbox
from app.web.context import services
from geodata.records import KINDS, Kind

if TYPE_CHECKING:
    from sqlalchemy import Connection

blueprint = Blueprint("places", __name__)

RADIUS_M = 150.0
RADIUS_MOST_M = 2000.0
SIMPLIFY_MOST_M = 1000.0
# A department has some hundreds of communes; the IRIS of all France would be 100 MB.
LAYER_MOST = 5000
NEARBY_KINDS: tuple[Kind, ...] = ("stop", "residence", "school")
_KEPT_LAYERS = 16
# Once per edition of the geography: 9 of 11 costs a tenth of the time of 11.
_BROTLI = 9


@blueprint.get("/api/places")
@api.NEAR
def near() -> Response:
    """`?near=lon,lat&kind=stop,residence,school&radius=metres`: the places there, nearest first. Signed in only."""
    require_signed_in(current_actor())
    lon, lat = _numbers("near", 2)
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):  # noqa: PLR2004
        raise BadRequestError("near", _("write longitude,latitude in degrees"))
    radius_m = _number("radius", RADIUS_M, least=1.0, most=RADIUS_MOST_M)
    kinds = _kinds()
    with unit_of_work(services().engine, current_actor()) as uow:
        found = store.nearby(uow.connection, lon, lat, radius_m, kinds)
    answer = jsonify(
        places=[
            {
                "id": place.id,
                "kind": place.kind,
                "code": place.code,
                "name": place.name,
                "approximate": place.approximate,
                "distance_m": round(place.distance_m, 1),
            }
            for place in found
        ]
    )
    answer.headers["Cache-Control"] = "private, max-age=60"
    return answer


@blueprint.get("/api/places/<kind>.geojson")
@api.LAYER
def layer(kind: str) -> Response:
    """The open places of one kind. `?bbox=west,south,east,north`, `?simplify=metres`. Public."""
    if kind not in KINDS:
        raise NotFoundError("kind of place", kind)
    bbox = _bbox()
    simplify_m = _number("simplify", 0.0, least=0.0, most=SIMPLIFY_MOST_M)
    with services().engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        version = store.geography_version(connection)
        etag = hashlib.sha256(repr((version, kind, bbox, simplify_m)).encode()).hexdigest()[:32]
        if request.if_none_match.contains_weak(etag):
            return _stamped(Response(status=304), etag)
        bodies = _layer_bodies(connection, (etag, kind, bbox, simplify_m))
    return _stamped(_encoded(bodies), etag)


LayerKey = tuple[str, str, Bbox | None, float]
_layers: OrderedDict[str, dict[str, bytes]] = OrderedDict()
_layers_lock = Lock()


def _layer_bodies(connection: Connection, key: LayerKey) -> dict[str, bytes]:
    """The layer by encoding, the smallest first; whole ones are kept, since every map asks for the same few."""
    etag, kind, bbox, simplify_m = key
    with _layers_lock:
        known = _layers.get(etag)
    if known is None:
        found = list(store.features(connection, kind, bbox, simplify_m, most=LAYER_MOST + 1))
        if len(found) > LAYER_MOST:
            raise BadRequestError("bbox", _("too many places for one layer: ask for a smaller box"))
        plain = store.collection(found).encode()
        known = {"br": brotli.compress(plain, quality=_BROTLI), "gzip": gzip.compress(plain, 6, mtime=0)}
        if bbox is None:
            with _layers_lock:
                _layers[etag] = known
                while len(_layers) > _KEPT_LAYERS:
                    _layers.popitem(last=False)
    return known


def _encoded(bodies: dict[str, bytes]) -> Response:
    for encoding, body in bodies.items():
        if request.accept_encodings[encoding] > 0:
            answer = Response(body, content_type="application/geo+json")
            answer.headers["Content-Encoding"] = encoding
            return answer
    return Response(gzip.decompress(bodies["gzip"]), content_type="application/geo+json")


def _stamped(answer: Response, etag: str) -> Response:
    # Weak: compressed or not, it is the same layer.
    answer.set_etag(etag, weak=True)
    answer.headers["Cache-Control"] = "public, max-age=300"
    answer.headers["Vary"] = "Accept-Encoding"
    return answer


def _kinds() -> list[str]:
    asked = [part.strip() for part in request.args.get("kind", "").split(",") if part.strip()]
    if unknown := [kind for kind in asked if kind not in get_args(Kind)]:
        raise BadRequestError("kind", _("unknown kind: %(kind)s", kind=unknown[0][:40]))
    return asked or list(NEARBY_KINDS)


def _bbox() -> Bbox | None:
    if not request.args.get("bbox", "").strip():
        return None
    west, south, east, north = _numbers("bbox", 4)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):  # noqa: PLR2004
        raise BadRequestError("bbox", _("west,south,east,north must be in degrees and in this order"))
    return west, south, east, north


def _number(name: str, fallback: float, *, least: float, most: float) -> float:
    if not request.args.get(name, "").strip():
        return fallback
    value = _numbers(name, 1)[0]
    if not least <= value <= most:
        raise BadRequestError(
            name, _("choose a number from %(least)s to %(most)s", least=f"{least:g}", most=f"{most:g}")
        )
    return value


def _numbers(name: str, count: int) -> list[float]:
    try:
        values = [float(part) for part in request.args.get(name, "").split(",")]
    except ValueError:
        values = []
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise BadRequestError(name, _("write %(count)s numbers separated by commas", count=count))
    return values
