"""The background tiles that QUIETUDE_BASEMAP may choose: the only outside request that a page can make."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class BasemapSource:
    """A tile service and how it wants to be credited."""

    url: str
    credit: str

    @property
    def origin(self) -> str:
        """Scheme and host, for the content security policy."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


_IGN_URL = (
    "https://data.geopf.fr/wmts?SERVICE=WMTS&VERSION=1.0.0&REQUEST=GetTile&LAYER=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2"
    "&STYLE=normal&FORMAT=image/png&TILEMATRIXSET=PM&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}"
)

BASEMAPS = {
    "ign": BasemapSource(_IGN_URL, "© IGN – Plan IGN v2"),
    "osm": BasemapSource("https://tile.openstreetmap.org/{z}/{x}/{y}.png", "© OpenStreetMap"),
}
