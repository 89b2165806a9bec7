"""How a layer looks: a style of QGIS (QML) with the titles of columns and the labels of codes, and one of OGC (SLD).

QML has no specification; what is written here is what QGIS 3.22 itself saves, cut down to what differs from a new
layer, and a test opens it in QGIS. SLD 1.1 (OGC 05-078r4, 05-077r4) is for everybody else.
"""

from __future__ import annotations

from lxml import etree

from app.exports.legend import Legend, Values
from app.exports.qgis_symbols import drive_size, options, rgba

# What a marker's size says, in millimetres: gravity 1 to 4.
_SIZE_MM = '1.6 + 0.5 * coalesce("severity", 1)'
_PLAIN_SIZE_MM = "2.6"
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
_SE, _OGC, _SLD = "http://www.opengis.net/se", "http://www.opengis.net/ogc", "http://www.opengis.net/sld"


def qml(legend: Legend) -> str:
    """The style for QGIS; of a layer that mixes points, lines and areas only columns and codes are told."""
    root = etree.Element("qgis", version="3.22.0", styleCategories="AllStyleCategories")
    if legend.points:
        _renderer(root, legend)
    fields = etree.SubElement(root, "fieldConfiguration")
    aliases = etree.SubElement(root, "aliases")
    for index, (column, (title, _meaning)) in enumerate(legend.columns.items(), 1):
        etree.SubElement(aliases, "alias", field=column, name=title, index=str(index))
        field = etree.SubElement(fields, "field", name=column, configurationFlags="None")
        _widget(field, legend.values.get(column))
    shown = "description" if "description" in legend.columns else "id"
    etree.SubElement(root, "previewExpression").text = f'coalesce("{shown}", "id")'
    _map_tip(root, legend)
    if legend.points:
        etree.SubElement(root, "layerGeometryType").text = "0"
    return str(etree.tostring(root, encoding="unicode", doctype=_DOCTYPE))


def _widget(field: etree._Element, values: Values | None) -> None:
    """A column of codes shows their labels."""
    widget = etree.SubElement(field, "editWidget", type="ValueMap" if values else "")
    config = etree.SubElement(widget, "config")
    if not values:
        return
    outer = etree.SubElement(config, "Option", type="Map")
    listed = etree.SubElement(outer, "Option", name="map", type="List")
    for code, label in values:
        options(listed, [(label, code)])


def _renderer(root: etree._Element, legend: Legend) -> None:
    """One colour a value; larger where it is graver."""
    renderer = etree.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr=legend.coloured, enableorderby="0", forceraster="0",
        symbollevels="0",
    )  # fmt: skip
    categories = etree.SubElement(renderer, "categories")
    symbols = etree.SubElement(renderer, "symbols")
    for number, (code, label, colour) in enumerate(legend.colours):
        etree.SubElement(categories, "category", value=code, label=label, symbol=str(number), render="true")
        _marker(symbols, str(number), colour, sized="severity" in legend.columns)


def _marker(symbols: etree._Element, name: str, colour: str, *, sized: bool) -> None:
    symbol = etree.SubElement(symbols, "symbol", type="marker", name=name, alpha="1", clip_to_extent="1")
    layer = etree.SubElement(symbol, "layer", {"class": "SimpleMarker", "enabled": "1", "locked": "0", "pass": "0"})
    values = {
        "name": "circle", "color": rgba(colour), "outline_color": "255,255,255,255", "outline_style": "solid",
        "outline_width": "0.2", "outline_width_unit": "MM", "size": _PLAIN_SIZE_MM, "size_unit": "MM",
    }  # fmt: skip
    options(layer, values.items())
    if sized:
        drive_size(layer, _SIZE_MM)


def _map_tip(root: etree._Element, legend: Legend) -> None:
    """What stands beside the pointer: labels, never codes."""
    first = "category" if "category" in legend.columns else "kind"
    tip = etree.SubElement(root, "mapTip")
    tip.text = f'<b>[% represent_value("{first}") %]</b><br>[% represent_value("state") %]'


def sld(name: str, legend: Legend) -> str:
    """The same colours for programs that read SLD."""
    namespaces = {"sld": _SLD, "se": _SE, "ogc": _OGC}
    root = etree.Element(etree.QName(_SLD, "StyledLayerDescriptor"), nsmap=namespaces, version="1.1.0")
    layer = etree.SubElement(root, etree.QName(_SLD, "NamedLayer"))
    etree.SubElement(layer, etree.QName(_SE, "Name")).text = name
    user_style = etree.SubElement(layer, etree.QName(_SLD, "UserStyle"))
    style = etree.SubElement(user_style, etree.QName(_SE, "FeatureTypeStyle"))
    for code, label, colour in legend.colours:
        _rule(style, legend.coloured, code, label, colour)
    return str(etree.tostring(root, encoding="unicode"))


def _rule(style: etree._Element, column: str, code: str, label: str, colour: str) -> None:
    rule = etree.SubElement(style, etree.QName(_SE, "Rule"))
    etree.SubElement(rule, etree.QName(_SE, "Name")).text = code
    about = etree.SubElement(rule, etree.QName(_SE, "Description"))
    etree.SubElement(about, etree.QName(_SE, "Title")).text = label
    equal = etree.SubElement(
        etree.SubElement(rule, etree.QName(_OGC, "Filter")), etree.QName(_OGC, "PropertyIsEqualTo")
    )
    etree.SubElement(equal, etree.QName(_OGC, "PropertyName")).text = column
    etree.SubElement(equal, etree.QName(_OGC, "Literal")).text = code
    graphic = etree.SubElement(etree.SubElement(rule, etree.QName(_SE, "PointSymbolizer")), etree.QName(_SE, "Graphic"))
    mark = etree.SubElement(graphic, etree.QName(_SE, "Mark"))
    etree.SubElement(mark, etree.QName(_SE, "WellKnownName")).text = "circle"
    fill = etree.SubElement(mark, etree.QName(_SE, "Fill"))
    etree.SubElement(fill, etree.QName(_SE, "SvgParameter"), name="fill").text = colour
    etree.SubElement(graphic, etree.QName(_SE, "Size")).text = "9"
