"""What the machine views of photos take and give (app/web/described.py)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from typing_extensions import TypedDict

from app.photos.represent import PhotoJson, PhotosJson
from app.photos.rules import COVER_MODES, MOST_AREAS, STAGES
from app.web.described import CACHE, IF_NONE_MATCH, NOT_CHANGED, Answer, Id, Parameter, described

TAG = "photos"
ID = "018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e"
_REPORTERS = ("agent", "partner", "coordinator")
_PICTURE = {"type": "string", "contentMediaType": "application/octet-stream"}
_STAGE = {"type": "string", "enum": list(STAGES)}
_MOMENT = {"type": "string", "format": "date-time"}
_UUID = {"type": "string", "format": "uuid"}
_SIZE = {"type": "string", "contentMediaType": "image/jpeg"}
_PIXELS = {"type": "integer", "minimum": 0, "maximum": 100_000}
_SIDE = {"type": "integer", "minimum": 1, "maximum": 100_000}
_AREA = {
    "type": "object",
    "required": ["x_px", "y_px", "width_px", "height_px"],
    "properties": {"x_px": _PIXELS, "y_px": _PIXELS, "width_px": _SIDE, "height_px": _SIDE},
}
_COVER = {
    "type": "object",
    "required": ["areas"],
    "properties": {
        "mode": {"type": "string", "enum": list(COVER_MODES), "default": "pixelate"},
        "areas": {"type": "array", "items": _AREA, "minItems": 1, "maxItems": MOST_AREAS},
    },
}
_STATE = {
    "type": "object",
    "required": ["state"],
    "properties": {"state": {"type": "string", "enum": ["published", "hidden"]}},
}
_FORM = {
    "type": "object",
    "required": ["photo", "id"],
    "properties": {"photo": _PICTURE, "id": _UUID, "stage": _STAGE, "taken_at": _MOMENT},
}

UPLOAD = described(
    TAG, _l("Add a photo"),
    Answer(201, _l("Stored without its metadata, and hidden until somebody has looked at it."), PhotoJson,
           headers=("Location",)),
    Answer(200, _l("This very picture was stored before: nothing is changed."), PhotoJson, headers=("Location",)),
    access="write", roles=_REPORTERS, errors=(409, 413, 415, 422),
    # With the picture itself as the body the rest stands in the query.
    query=(
        Parameter("id", _l("A UUID of your making (when the picture is the body)."), _UUID),
        Parameter("stage", _l("Before or after the work (when the picture is the body)."), _STAGE),
        Parameter("taken_at", _l("When it was taken (when the picture is the body)."), _MOMENT),
    ),
    raw_bodies={"multipart/form-data": _FORM, "image/jpeg": _PICTURE, "image/png": _PICTURE, "image/webp": _PICTURE},
)  # fmt: skip


class PieceJson(TypedDict):
    """How far a picture is: the next piece begins at byte `offset`."""

    id: Id
    offset: int
    total: int


_SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_RANGE = {"type": "string", "pattern": "^bytes ([0-9]{1,9}-[0-9]{1,9}|[*])/[0-9]{1,9}$"}
PIECE = described(
    TAG, _l("Add a photo piece by piece"),
    Answer(202, _l("Go on from that byte."), PieceJson),
    Answer(201, _l("All of it is there: stored."), PhotoJson, headers=("Location",)),
    Answer(200, _l("It was there already."), PhotoJson, headers=("Location",)),
    access="write", roles=_REPORTERS, errors=(409, 413, 422),
    query=(
        Parameter("sha256", _l("The SHA-256 of the whole picture, hexadecimal."), _SHA256, required=True),
        Parameter(
            "Content-Range",
            _l("Which bytes the body has: bytes FIRST-LAST/TOTAL; bytes */TOTAL asks how far it is."),
            _RANGE, required=True, is_header=True,
        ),
        Parameter("stage", _l("Before or after the work (when the picture is the body)."), _STAGE),
        Parameter("taken_at", _l("When it was taken (when the picture is the body)."), _MOMENT),
    ),
    raw_bodies={"application/octet-stream": _PICTURE},
)  # fmt: skip
LIST = described(TAG, _l("List photos"), Answer(200, _l("In the order they were added; six at most."), PhotosJson))
PATCH = described(
    TAG, _l("Publish or hide a photo"), Answer(200, _l("The photo."), PhotoJson),
    access="write", roles=_REPORTERS, errors=(409,), body=_STATE, body_example={"state": "published"},
)  # fmt: skip
DELETE = described(
    TAG, _l("Remove a photo for good"), Answer(204, _l("The picture no longer exists; the history says so.")),
    access="write", roles=_REPORTERS, errors=(409,),
)  # fmt: skip
COVER = described(
    TAG, _l("Make parts of a photo unreadable for good"), Answer(200, _l("The photo."), PhotoJson),
    access="write", roles=_REPORTERS, errors=(409,), body=_COVER,
    body_example={"mode": "pixelate", "areas": [{"x_px": 10, "y_px": 10, "width_px": 80, "height_px": 40}]},
)  # fmt: skip
FULL = described(
    TAG, _l("Get a picture"), Answer(200, _l("The picture."), _SIZE, ("image/jpeg",), CACHE), NOT_CHANGED,
    query=(IF_NONE_MATCH,),
)  # fmt: skip
THUMB = described(
    TAG, _l("Get a picture in small"), Answer(200, _l("The picture."), _SIZE, ("image/jpeg",), CACHE), NOT_CHANGED,
    query=(IF_NONE_MATCH,),
)  # fmt: skip
