"""The map page in folium: its Map and macro elements of our own, with every asset from our own origin.

The page carries no data: tiles, legend, table and vectors are fetched from their own addresses, so that its size does
not depend on the number of reports. Pure: no Flask, no SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import folium
from branca.element import Figure, MacroElement
from jinja2 import Environment

from app.web.basemap import BasemapSource

# folium's templates use its own filters (tojavascript); ours need Jinja's tojson only.
_TEMPLATES = Environment(autoescape=True)


@dataclass(frozen=True)
class MapParts:
    """What a page puts into its head, body and nonce-guarded script."""

    head_links: tuple[str, ...]
    script_links: tuple[str, ...]
    body: str
    script: str
    map_name: str


class OwnOriginMap(folium.Map):
    """folium's map without its CDN links, its page-wide styles and its inline head script.

    `assets` is where Leaflet is served from, `corners` what is shown first: [[south, west], [north, east]].
    """

    # Pixels: the legend's width with its margins, and from which width on the map has room for it and the territory.
    legend, wide = 250, 700
    _template = folium.Map._template.environment.from_string(  # noqa: SLF001  (folium's own filters are in there)
        """
        {% macro html(this, kwargs) %}
        <div class="folium-map" id="{{ this.get_name() }}"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        const {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, {
            center: {{ this.location|tojson }}, minZoom: 8, maxZoom: 20, zoomSnap: 0.5,
            ...(matchMedia("(prefers-reduced-motion: reduce)").matches
                ? {fadeAnimation: false, zoomAnimation: false, inertia: false} : {}),
            ...{{ this.options|tojavascript }}
        });
        {{ this.get_name() }}.attributionControl.setPrefix("Leaflet");
        {# Before the tiles, which are then asked for once at the right zoom; and at once: an animation that is still
           under way would undo the place that the address asks for. #}
        const {{ this.get_name() }}_fit = () => {
            {# Beside the legend, where there is room for both. #}
            const left = {{ this.get_name() }}.getSize().x > {{ this.wide }} ? {{ this.legend }} : 8;
            {{ this.get_name() }}.fitBounds({{ this.corners|tojson }}, {
                paddingTopLeft: [left, 8], paddingBottomRight: [8, 8], animate: false
            });
        };
        {{ this.get_name() }}_fit();
        {% endmacro %}
        """
    )

    def __init__(self, assets: str, corners: list[list[float]], **options: Any) -> None:
        self.corners = corners
        self.default_js = [("leaflet", f"{assets}/leaflet.js")]
        self.default_css = [("leaflet_css", f"{assets}/leaflet.css")]
        super().__init__(tiles=None, **options)


class _Part(MacroElement):
    """A macro element of ours; `name` becomes the start of its JavaScript name."""

    def __init__(self, name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = name


class BaseMap(_Part):
    """The background tiles of another origin that settings chose; the one outside request there can be."""

    _template = _TEMPLATES.from_string(
        """
        {% macro script(this, kwargs) %}
        const {{ this.get_name() }} = [{{ this.url|tojson }},
            {maxZoom: 20, maxNativeZoom: 19, attribution: {{ this.credit|tojson }}}];
        L.tileLayer(...{{ this.get_name() }}).addTo({{ this._parent.get_name() }});
        {% endmacro %}
        """
    )

    def __init__(self, source: BasemapSource) -> None:
        super().__init__("BaseMap")
        self.url, self.credit = source.url, source.credit


class HeatTiles(_Part):
    """Our heat tiles as a Leaflet layer, named so that the page's script can give it another filter."""

    _template = _TEMPLATES.from_string(
        """
        {% macro script(this, kwargs) %}
        const {{ this.get_name() }} = L.tileLayer({{ this.url|tojson }}, {
            minZoom: 8, maxZoom: 20, opacity: 0.85, className: "heat-tiles"
        }).addTo({{ this._parent.get_name() }});
        {% endmacro %}
        """
    )

    def __init__(self, url: str) -> None:
        super().__init__("HeatTiles")
        self.url = url


class Legend(_Part):
    """A place for the legend inside the map; the page's script fills it from /api/heat/legend."""

    _template = _TEMPLATES.from_string(
        """
        {% macro html(this, kwargs) %}
        <section class="legend" id="legend" aria-label="{{ this.label }}"></section>
        {% endmacro %}
        """
    )

    def __init__(self, label: str) -> None:
        super().__init__("Legend")
        self.label = label


class PageScript(_Part):
    """Hands the map, its heat and what a second map needs of the base map to the page's module."""

    _template = _TEMPLATES.from_string(
        """
        {% macro script(this, kwargs) %}
        window.quietudeMap = {
            fit: {{ this._parent.get_name() }}_fit,
            map: {{ this._parent.get_name() }}, heat: {{ this.heat_name }}, base: {{ this.base_name or "null" }}
        };
        {% endmacro %}
        """
    )

    def __init__(self, heat_name: str, base_name: str) -> None:
        super().__init__("PageScript")
        self.heat_name, self.base_name = heat_name, base_name


def build_map(
    *,
    assets: str,
    tile_url: str,
    bounds: tuple[float, float, float, float],
    basemap: BasemapSource | None,
    legend_label: str,
) -> MapParts:
    """The folium map of the page, in the parts that a template puts in their places.

    bounds: what is shown first: west, south, east, north in degrees of EPSG:4326.
    """
    west, south, east, north = bounds
    middle = [(south + north) / 2, (west + east) / 2]
    corners = [[south, west], [north, east]]
    chart = OwnOriginMap(assets, corners, location=middle, zoom_start=13, prefer_canvas=True)
    base = None if basemap is None else BaseMap(basemap)
    if base is not None:
        base.add_to(chart)
    heat = HeatTiles(tile_url)
    heat.add_to(chart)
    Legend(legend_label).add_to(chart)
    PageScript(heat.get_name(), base.get_name() if base is not None else "").add_to(chart)
    figure = chart.get_root()
    assert isinstance(figure, Figure)
    figure.render()
    return MapParts(
        head_links=tuple(url for _name, url in chart.default_css),
        script_links=tuple(url for _name, url in chart.default_js),
        body=figure.html.render(),
        script=figure.script.render(),
        map_name=chart.get_name(),
    )
