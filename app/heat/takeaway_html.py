"""A map to take along as one HTML file: opens from disk, asks nobody for anything.

folium makes the map with macro elements of ours, as it makes the page; Leaflet, the rendered heat and the shapes are
inside. A policy in the file itself forbids every request.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folium
from branca.element import Figure, MacroElement
from flask import current_app
from jinja2 import Environment
from markupsafe import Markup

from app.web.language import locale_code

if TYPE_CHECKING:
    from app.heat.takeaway_frame import Bounds
    from app.heat.takeaway_layers import Shape
    from app.heat.takeaway_sheet import Sheet

PIXELS = 1600
_LEAFLET = Path(__file__).parents[1] / "web" / "static" / "node_modules" / "leaflet" / "dist"
# Jinja's tojson escapes what could end a script.
_TEMPLATES = Environment(autoescape=True)


class InlineMap(folium.Map):
    """folium's map without links to scripts and styles: they are in the file."""

    _template = _TEMPLATES.from_string(
        """
        {% macro html(this, kwargs) %}
        <div class="folium-map" id="{{ this.get_name() }}" role="application" aria-label="{{ this.label }}"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        const {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, {minZoom: 8, maxZoom: 18, zoomSnap: 0.25});
        {{ this.get_name() }}.attributionControl.setPrefix("Leaflet");
        {{ this.get_name() }}.fitBounds({{ this.view|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, view: Bounds, label: str) -> None:
        self.default_js, self.default_css = [], []
        super().__init__(tiles=None)
        west, south, east, north = view
        self.view, self.label = [[south, west], [north, east]], label


class _Part(MacroElement):
    def __init__(self, name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = name


class HeatImage(_Part):
    """The rendered surface, stretched between the corners that it was rendered for."""

    _template = _TEMPLATES.from_string(
        """
        {% macro script(this, kwargs) %}
        L.imageOverlay({{ this.url|tojson }}, {{ this.corners|tojson }}, {
            opacity: 0.85, className: "heat-image", alt: "", attribution: {{ this.credit|tojson }}
        }).addTo({{ this._parent.get_name() }});
        {% endmacro %}
        """
    )

    def __init__(self, png: bytes, bounds: Bounds, credit: str) -> None:
        super().__init__("HeatImage")
        west, south, east, north = bounds
        self.url = "data:image/png;base64," + base64.b64encode(png).decode()
        self.corners, self.credit = [[south, west], [north, east]], credit


class Shapes(_Part):
    """The places of one kind; names are text, never markup, and stand where there is room."""

    _template = _TEMPLATES.from_string(
        """
        {% macro script(this, kwargs) %}
        L.geoJSON({{ this.features|tojson }}, {
            interactive: false,
            style: (feature) => ({fill: false, ...{{ this.style|tojson }},
                ...(/^#[0-9a-f]{6}$/i.test(feature.properties.colour) ? {color: feature.properties.colour} : {}),
                dashArray: feature.properties.approximate ? "5 5" : null}),
            onEachFeature: (feature, layer) => {
                if (!{{ this.named|tojson }}) return;
                const name = document.createElement("span");
                name.textContent = feature.properties.name;
                layer.bindTooltip(name, {permanent: true, direction: "center", className: "place-name"});
            }
        }).addTo({{ this._parent.get_name() }});
        {% endmacro %}
        """
    )

    def __init__(self, features: list[dict[str, Any]], style: dict[str, Any], *, named: bool) -> None:
        super().__init__("Shapes")
        self.features = {"type": "FeatureCollection", "features": features}
        self.style, self.named = style, named


class TidyNames(_Part):
    """Names that would stand on one another are hidden."""

    _template = _TEMPLATES.from_string(
        """
        {% macro script(this, kwargs) %}
        {
            const map = {{ this._parent.get_name() }};
            const tidy = () => {
                const kept = [];
                for (const name of map.getPane("tooltipPane").children) {
                    const box = name.getBoundingClientRect();
                    const across = (b) => box.left < b.right && b.left < box.right;
                    const down = (b) => box.top < b.bottom && b.top < box.bottom;
                    const hidden = kept.some((other) => across(other) && down(other));
                    name.classList.toggle("crowded", hidden);
                    if (!hidden) kept.push(box);
                }
            };
            map.on("zoomend", tidy);
            tidy();
            L.control.scale({imperial: false, position: "topright"}).addTo(map);
        }
        {% endmacro %}
        """
    )

    def __init__(self) -> None:
        super().__init__("TidyNames")


_STYLES: dict[str, dict[str, Any]] = {
    "commune": {"color": "#1d2a33", "weight": 2},
    "line": {"color": "#0d5c63", "weight": 1.2, "opacity": 0.5},
    "neighbourhood": {"color": "#1d2a33", "weight": 1, "opacity": 0.6},
}


def compose(sheet: Sheet, png: bytes, bounds: Bounds, view: Bounds, shapes: list[Shape]) -> bytes:
    """The whole file.

    Args:
        sheet: what it says.
        png: the surface, rendered in Web Mercator between `bounds` (degrees).
        bounds: the corners of the image.
        view: what is shown first (degrees).
        shapes: the reference geography.

    """
    chart = InlineMap(view, sheet.title)
    HeatImage(png, bounds, sheet.source).add_to(chart)
    for kind, style in _STYLES.items():
        features = [shape.feature() for shape in shapes if shape.kind == kind]
        Shapes(features, style, named=kind == "neighbourhood").add_to(chart)
    TidyNames().add_to(chart)
    figure = chart.get_root()
    assert isinstance(figure, Figure)
    figure.render()
    leaflet_style, leaflet_script = _leaflet()
    template = current_app.jinja_env.get_template("heat/takeaway.html")
    page = template.render(
        sheet=sheet,
        locale=locale_code(),
        leaflet_style=leaflet_style,
        leaflet_script=leaflet_script,
        # What these macros put in was escaped where it was put in.
        body=Markup(figure.html.render()),  # noqa: S704
        script=Markup(figure.script.render()),  # noqa: S704
    )
    return page.encode()


@lru_cache(maxsize=1)
def _leaflet() -> tuple[Markup, Markup]:
    """Leaflet's own style and script, without what they would fetch."""
    style = (_LEAFLET / "leaflet.css").read_text(encoding="utf-8")
    style = re.sub(r"url\((?!['\"]?(?:data:|#))[^)]*\)", "none", style)
    script = (_LEAFLET / "leaflet.js").read_text(encoding="utf-8")
    script = re.sub(r"//# sourceMappingURL=.*", "", script)
    return Markup(style), Markup(script)  # noqa: S704
