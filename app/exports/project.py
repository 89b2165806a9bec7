"""A project of QGIS that shows the register live: OGC API – Features and vector tiles of this server, in Lambert-93.

No secret is inside: every layer names an authentication configuration, which the reader makes once in QGIS. Close up
single reports are shown, further out their clusters: opening the project never reads the whole register. Interventions
mix points, lines and areas, and QGIS reads one kind a layer: three virtual layers take one each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import quote

import numpy as np
from flask_babel import gettext as _
from lxml import etree

from app.exports.legend import Legend
from app.exports.qgis_symbols import (
    BESIDE,
    ON_TOP,
    Symbol,
    categorized,
    fill,
    graduated,
    label_settings,
    labels,
    line,
    marker,
    single,
    write_symbol,
)
from app.exports.style import qml
from app.heat.mvt import CLUSTERS, ZOOM_MIN
from app.heat.palette import COLOURS as RAMP
from app.places.lattice import to_lambert93

AUTHCFG = "quietud"
AUTHCFG_FORM = re.compile("[a-z0-9]{7}")
# Denominators of scales: from where single reports show instead of clusters, and from where they are labelled.
CLOSE, LABELLED = 25_000, 5_000
_WHOLE = 100_000_000
_TILE_ZOOM_MAX = 16
_SRSID = {"EPSG:2154": 145, "EPSG:3857": 3857, "EPSG:4326": 3452}
# Reports per km² and 30 days; fixed, so that two days' maps compare.
DENSITY_BREAKS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100_000.0)
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"

Style = Callable[[etree._Element], None]  # noqa: SLF001 – the only name that lxml has for it


@dataclass(frozen=True)
class Target:
    """Where the layers come from. root: of the server, without a slash; authcfg: seven letters or digits."""

    root: str
    authcfg: str = AUTHCFG


@dataclass(frozen=True)
class Layer:
    """One layer; scales: from (far) to (close) denominators between which it shows, (0, 0) for always."""

    id: str
    title: str
    provider: str
    source: str
    style: Style
    geometry: str = "Point"
    type: str = "vector"
    crs: str = "EPSG:4326"
    is_shown: bool = True
    scales: tuple[int, int] = (0, 0)


Group = tuple[str, Sequence[Layer]]


def project(target: Target, reports: Legend, interventions: Legend, bounds: tuple[float, float, float, float]) -> bytes:
    """The file (.qgs), in the current language. bounds: west, south, east, north in degrees, of the first view."""
    groups = _groups(target, reports, interventions)
    root = etree.Element("qgis", version="3.22.0", projectname="Quiétude")
    etree.SubElement(root, "title").text = "Quiétude"
    _crs(etree.SubElement(root, "projectCrs"), "EPSG:2154")
    tree = etree.SubElement(root, "layer-tree-group")
    listed = etree.SubElement(root, "projectlayers")
    for title, layers in groups:
        group = etree.SubElement(tree, "layer-tree-group", name=title, checked="Qt::Checked", expanded="1")
        for layer in layers:
            etree.SubElement(
                group, "layer-tree-layer", id=layer.id, name=layer.title, providerKey=layer.provider,
                source=layer.source, expanded="0", checked="Qt::Checked" if layer.is_shown else "Qt::Unchecked",
            )  # fmt: skip
            _write(listed, layer)
    _view(root, bounds)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True, doctype=_DOCTYPE)


def _crs(parent: etree._Element, authid: str) -> None:
    """QGIS reads authid only beside a number of its own list."""
    made = etree.SubElement(parent, "spatialrefsys")
    etree.SubElement(made, "srsid").text = str(_SRSID[authid])
    etree.SubElement(made, "authid").text = authid


def _view(root: etree._Element, bounds: tuple[float, float, float, float]) -> None:
    west, south, east, north = bounds
    x_m, y_m = to_lambert93(np.array([west, east, west, east]), np.array([south, south, north, north]))
    metres = {"xmin": x_m.min(), "ymin": y_m.min(), "xmax": x_m.max(), "ymax": y_m.max()}
    corners = {name: f"{value:.0f}" for name, value in metres.items()}
    canvas = etree.SubElement(root, "mapcanvas", name="theMapCanvas")
    etree.SubElement(canvas, "units").text = "meters"
    extent = etree.SubElement(canvas, "extent")
    for name, value in corners.items():
        etree.SubElement(extent, name).text = value
    _crs(etree.SubElement(canvas, "destinationsrs"), "EPSG:2154")
    settings = etree.SubElement(root, "ProjectViewSettings", UseProjectScales="0")
    home = etree.SubElement(settings, "DefaultViewExtent", corners)
    _crs(home, "EPSG:2154")
    properties = etree.SubElement(etree.SubElement(root, "properties"), "SpatialRefSys")
    etree.SubElement(properties, "ProjectionsEnabled", type="int").text = "1"


def _write(listed: etree._Element, layer: Layer) -> None:
    far, close = layer.scales
    made = etree.SubElement(
        listed, "maplayer", type=layer.type, geometry=layer.geometry, hasScaleBasedVisibilityFlag=str(int(far > 0)),
        minScale=str(far), maxScale=str(close), labelsEnabled="0",
    )  # fmt: skip
    etree.SubElement(made, "id").text = layer.id
    etree.SubElement(made, "datasource").text = layer.source
    etree.SubElement(made, "layername").text = layer.title
    etree.SubElement(made, "provider", encoding="UTF-8").text = layer.provider
    _crs(etree.SubElement(made, "srs"), layer.crs)
    layer.style(made)


def _groups(target: Target, reports: Legend, interventions: Legend) -> list[Group]:
    return [
        (_("Reports"), (_reports(target, reports), _clusters(target, reports))),
        (_("Interventions"), _interventions(target, interventions)),
        (_("Public transport"), (_stops(target), _lines(target))),
        (_("Neighbourhoods"), (_qpv(target), _statistics(target))),
    ]


def _collection(target: Target, name: str) -> str:
    return (
        f"authcfg={target.authcfg} pagingEnabled='true' restrictToRequestBBOX='1' srsname='OGC:CRS84'"
        f" typename='{name}' url='{target.root}/ogc/'"
    )


def _from_qml(legend: Legend) -> Style:
    """The style of the GeoPackage."""

    def write(layer: etree._Element) -> None:
        for child in etree.fromstring(qml(legend).encode()):
            layer.append(child)

    return write


def _reports(target: Target, legend: Legend) -> Layer:
    def style(layer: etree._Element) -> None:
        _from_qml(legend)(layer)
        labels(layer, 'represent_value("category")', BESIDE, closer_than=LABELLED)

    source = _collection(target, "reports")
    return Layer("quietude_reports", _("Reports, one by one"), "OAPIF", source, style, scales=(CLOSE, 0))


def _clusters(target: Target, legend: Legend) -> Layer:
    def style(layer: etree._Element) -> None:
        styles = etree.SubElement(etree.SubElement(layer, "renderer", type="basic"), "styles")
        for code, title, colour in legend.colours:
            symbol = marker(colour, 4, driven_mm='3 + 2.5 * log10("count")')
            one = _tile_style(styles, title, f"\"theme\" = '{code}'")
            write_symbol(etree.SubElement(one, "symbols"), "0", symbol)
        texts = etree.SubElement(etree.SubElement(layer, "labeling", type="basic"), "styles")
        label_settings(_tile_style(texts, _("Number"), '"count" > 1'), 'to_string(to_int("count"))', ON_TOP)

    address = quote(f"{target.root}/tiles/reports/{{z}}/{{x}}/{{y}}.mvt", safe=":/")
    source = f"type=xyz&url={address}&zmin={ZOOM_MIN}&zmax={_TILE_ZOOM_MAX}&authcfg={target.authcfg}"
    return Layer(
        "quietude_clusters", _("Reports, in numbers"), "vectortile", source, style,
        type="vector-tile", crs="EPSG:3857", scales=(_WHOLE, CLOSE),
    )  # fmt: skip


def _tile_style(styles: etree._Element, name: str, expression: str) -> etree._Element:
    more = {"min-zoom": "-1", "max-zoom": "-1"}
    return etree.SubElement(
        styles, "style", more, name=name, layer=CLUSTERS, geometry="0", expression=expression, enabled="1"
    )


def _interventions(target: Target, legend: Legend) -> tuple[Layer, ...]:
    def layer(kind: str, geometry: str, number: int, title: str, symbol: Callable[[str], Symbol]) -> Layer:
        def style(made: etree._Element) -> None:
            _from_qml(legend)(made)
            found = [(code, label, symbol(colour)) for code, label, colour in legend.colours]
            categorized(made, legend.coloured, found)

        inner = quote(_collection(target, "interventions"), safe="")
        # Run by QGIS, over what it read; the kind is one of the three below.
        query = f"SELECT * FROM source WHERE geometrytype(geometry) IN ('{kind}', 'MULTI{kind}')"  # noqa: S608
        source = f"?layer=OAPIF:{inner}:source:UTF-8&query={quote(query, safe='')}&geometry=geometry:{number}:4326"
        return Layer(f"quietude_interventions_{geometry.lower()}", title, "virtual", source, style, geometry)

    return (
        layer("POINT", "Point", 1, _("Interventions: points"), lambda colour: marker(colour, 2.6, shape="diamond")),
        layer("LINESTRING", "Line", 2, _("Interventions: lines"), lambda colour: line(colour, 0.8)),
        layer("POLYGON", "Polygon", 3, _("Interventions: areas"), lambda colour: fill(colour, colour, 0.4, opacity=90)),
    )


def _stops(target: Target) -> Layer:
    def style(layer: etree._Element) -> None:
        single(layer, marker("#333333", 1.8, shape="square"))
        labels(layer, '"name"', BESIDE, closer_than=LABELLED)

    return Layer("quietude_stops", _("Stops"), "OAPIF", _collection(target, "stops"), style, scales=(CLOSE, 0))


def _lines(target: Target) -> Layer:
    source = _collection(target, "lines")
    return Layer(
        "quietude_lines", _("Lines"), "OAPIF", source, lambda layer: single(layer, line("#555555", 0.5)), "Line",
        is_shown=False,
    )  # fmt: skip


def _qpv(target: Target) -> Layer:
    source, symbol = _collection(target, "qpv"), fill(None, "#6a1b6e", 0.5)
    title = _("Priority neighbourhoods (QPV)")
    return Layer("quietude_qpv", title, "OAPIF", source, lambda layer: single(layer, symbol), "Polygon", is_shown=False)


def _statistics(target: Target) -> Layer:
    def style(layer: etree._Element) -> None:
        classes = []
        for number, (lower, upper) in enumerate(pairwise(DENSITY_BREAKS)):
            red, green, blue, _alpha = RAMP[number]
            symbol = fill(f"#{red:02x}{green:02x}{blue:02x}", "#ffffff", 0.3, opacity=150)
            last = upper == DENSITY_BREAKS[-1]
            text = _("%(least)s and more", least=f"{lower:g}") if last else f"{lower:g} – {upper:g}"
            classes.append((lower, upper, text, symbol))
        graduated(layer, "reports_per_km2_30d", classes)
        labels(layer, """"name" || '\\n' || coalesce("reports", 0)""", ON_TOP)

    source = _collection(target, "neighbourhood_statistics")
    title = _("Reports per km² and 30 days")
    return Layer("quietude_neighbourhoods", title, "OAPIF", source, style, "Polygon")
