"""Which representation: the parameter `f`, else what the client accepts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import request
from flask_babel import gettext as _
from werkzeug.exceptions import NotAcceptable

from app.errors import BadRequestError

JSON, HTML = "application/json", "text/html"
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"


@dataclass(frozen=True)
class Offer:
    """One representation. `f` asks for it; `types`: the media types it may go by, its own first."""

    f: str
    types: tuple[str, ...]

    @property
    def media_type(self) -> str:
        """What it goes by."""
        return self.types[0]


PAGE = Offer("html", (HTML,))
DOCUMENT = (Offer("json", (JSON,)), PAGE)
FEATURES = (Offer("json", (GEOJSON, JSON)), PAGE)
SCHEMAS = (Offer("json", (SCHEMA, JSON)), PAGE)
API = (
    Offer("json", (OPENAPI, "application/vnd.oai.openapi+json", "application/openapi+json;version=3.0", JSON)),
    PAGE,
)


def negotiated(offers: tuple[Offer, ...]) -> Offer:
    """The offer that the request asks for, by the media type that it named; JSON when it does not mind.

    Raises:
        BadRequestError: `f` names none of them.
        NotAcceptable: the client accepts none of them.

    """
    if "f" in request.args:
        asked = request.args["f"]
        for offer in offers:
            if offer.f == asked:
                return offer
        raise BadRequestError("f", _("choose one of %(names)s", names=", ".join(offer.f for offer in offers)))
    accepted = request.accept_mimetypes
    if not accepted:
        return offers[0]
    # Equal qualities: the first of ours, so that geo+json comes before json whatever order a client writes.
    choices = [(accepted.quality(name), offer, name) for offer in offers for name in offer.types]
    quality, offer, name = max(choices, key=lambda choice: choice[0])
    if quality <= 0:
        raise NotAcceptable(_("This resource comes as %(types)s.", types=", ".join(o.media_type for o in offers)))
    return replace(offer, types=(OPENAPI if "openapi" in name else name,))


def wants_html() -> bool:
    """Whether an error should be a page."""
    asked = request.args.get("f")
    if asked is not None:
        return asked == PAGE.f
    accepted = request.accept_mimetypes
    return bool(accepted) and accepted.quality(HTML) > max(accepted.quality(JSON), accepted.quality(GEOJSON))
