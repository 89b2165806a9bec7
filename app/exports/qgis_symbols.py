"""Symbols, classes and labels as a project of QGIS holds them. What style.py says of its source holds here too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lxml import etree


def options(parent: etree._Element, values: Iterable[tuple[str, str]]) -> None:
    """QGIS's own way to write a dictionary of texts."""
    group = etree.SubElement(parent, "Option", type="Map")
    for name, value in values:
        etree.SubElement(group, "Option", name=name, value=value, type="QString")


def rgba(colour: str, opacity: int = 255) -> str:
    """QGIS's way to write #rrggbb."""
    return ",".join(str(value) for value in (*bytes.fromhex(colour[1:]), opacity))


@dataclass(frozen=True)
class Symbol:
    """One layer of QGIS's own; size_mm: an expression that drives the size of a marker."""

    type: str
    layer: str
    values: Mapping[str, str]
    size_mm: str | None = None


def marker(colour: str, size_mm: float, *, driven_mm: str | None = None, shape: str = "circle") -> Symbol:
    values = {"name": shape, "color": rgba(colour), "outline_color": "255,255,255,255", "size": str(size_mm)}
    return Symbol("marker", "SimpleMarker", values | {"outline_width": "0.2"}, driven_mm)


def line(colour: str, width_mm: float, *, style: str = "solid") -> Symbol:
    values = {"line_color": rgba(colour), "line_width": str(width_mm), "line_style": style}
    return Symbol("line", "SimpleLine", values)


def fill(colour: str | None, outline: str, width_mm: float, *, opacity: int = 255) -> Symbol:
    """Colour None: nothing inside."""
    inside = {"style": "no"} if colour is None else {"style": "solid", "color": rgba(colour, opacity)}
    values = inside | {"outline_color": rgba(outline), "outline_width": str(width_mm)}
    return Symbol("fill", "SimpleFill", values)


def write_symbol(symbols: etree._Element, name: str, symbol: Symbol) -> None:
    made = etree.SubElement(symbols, "symbol", type=symbol.type, name=name, alpha="1", clip_to_extent="1")
    layer = etree.SubElement(made, "layer", {"class": symbol.layer, "enabled": "1", "locked": "0", "pass": "0"})
    options(layer, symbol.values.items())
    if symbol.size_mm is not None:
        drive_size(layer, symbol.size_mm)


def drive_size(layer: etree._Element, expression: str) -> None:
    """The marker's size in millimetres is what the expression gives."""
    driven = etree.SubElement(etree.SubElement(layer, "data_defined_properties"), "Option", type="Map")
    etree.SubElement(driven, "Option", name="name", value="", type="QString")
    properties = etree.SubElement(driven, "Option", name="properties", type="Map")
    size = etree.SubElement(properties, "Option", name="size", type="Map")
    etree.SubElement(size, "Option", name="active", value="true", type="bool")
    etree.SubElement(size, "Option", name="expression", value=expression, type="QString")
    etree.SubElement(size, "Option", name="type", value="3", type="int")
    etree.SubElement(driven, "Option", name="type", value="collection", type="QString")


def single(layer: etree._Element, symbol: Symbol) -> None:
    renderer = etree.SubElement(layer, "renderer-v2", type="singleSymbol", forceraster="0", symbollevels="0")
    write_symbol(etree.SubElement(renderer, "symbols"), "0", symbol)


def categorized(layer: etree._Element, column: str, found: Iterable[tuple[str, str, Symbol]]) -> None:
    """Code, label and symbol of each value."""
    renderer = etree.SubElement(
        layer, "renderer-v2", type="categorizedSymbol", attr=column, forceraster="0", symbollevels="0"
    )
    categories, symbols = etree.SubElement(renderer, "categories"), etree.SubElement(renderer, "symbols")
    for number, (code, label, symbol) in enumerate(found):
        etree.SubElement(categories, "category", value=code, label=label, symbol=str(number), render="true")
        write_symbol(symbols, str(number), symbol)


def graduated(layer: etree._Element, column: str, found: Sequence[tuple[float, float, str, Symbol]]) -> None:
    """Lower and upper end, label and symbol of each class."""
    renderer = etree.SubElement(
        layer, "renderer-v2", type="graduatedSymbol", attr=column, graduatedMethod="GraduatedColor", forceraster="0",
        symbollevels="0",
    )  # fmt: skip
    ranges, symbols = etree.SubElement(renderer, "ranges"), etree.SubElement(renderer, "symbols")
    for number, (lower, upper, label, symbol) in enumerate(found):
        etree.SubElement(
            ranges, "range", lower=str(lower), upper=str(upper), label=label, symbol=str(number), render="true"
        )
        write_symbol(symbols, str(number), symbol)


BESIDE = {"placement": "6", "predefinedPositionOrder": "R,L,TR,BR,TL,BL", "dist": "0.6", "offsetType": "1"}
ON_TOP = {"placement": "1", "quadOffset": "4"}


def label_settings(
    parent: etree._Element, expression: str, placement: dict[str, str], *, closer_than: int | None = None
) -> None:
    """A text with a halo; closer_than: the scale's denominator from which it shows, none for always."""
    settings = etree.SubElement(parent, "settings", calloutType="simple")
    style = etree.SubElement(
        settings, "text-style", fieldName=expression, isExpression="1", fontSize="8", fontSizeUnit="Point",
        fontFamily="Open Sans", textColor=rgba("#222222"), textOpacity="1", namedStyle="Regular",
    )  # fmt: skip
    etree.SubElement(
        style, "text-buffer", bufferDraw="1", bufferSize="0.8", bufferSizeUnits="MM", bufferColor=rgba("#ffffff"),
        bufferOpacity="0.85",
    )  # fmt: skip
    etree.SubElement(settings, "placement", placement, priority="5", distUnits="MM")
    etree.SubElement(
        settings, "rendering", scaleVisibility="0" if closer_than is None else "1", scaleMin="0",
        scaleMax=str(closer_than or 0), drawLabels="1", obstacle="0", obstacleFactor="1",
    )  # fmt: skip


def labels(
    layer: etree._Element, expression: str, placement: dict[str, str], *, closer_than: int | None = None
) -> None:
    layer.set("labelsEnabled", "1")
    label_settings(etree.SubElement(layer, "labeling", type="simple"), expression, placement, closer_than=closer_than)
