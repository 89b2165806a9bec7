"""Run by the system's Python with QGIS, without a screen: what QGIS makes of a file, as JSON. Not a test itself.

Argument: a source as QGIS's OGR provider takes it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from qgis.core import QgsApplication, QgsSymbolLayer, QgsVectorLayer  # type: ignore[import-not-found,unused-ignore]


def look(layer: Any) -> dict[str, Any]:
    """What the user would see of the layer."""
    renderer = layer.renderer()
    categories = renderer.categories() if renderer.type() == "categorizedSymbol" else []
    return {
        "valid": layer.isValid(),
        "count": layer.featureCount(),
        "crs": layer.crs().authid(),
        "aliases": {field.name(): field.alias() for field in layer.fields()},
        "labels": {
            field.name(): layer.editorWidgetSetup(number).config().get("map")
            for number, field in enumerate(layer.fields())
            if layer.editorWidgetSetup(number).type() == "ValueMap"
        },
        "renderer": renderer.type(),
        "attribute": renderer.classAttribute() if categories else None,
        "colours": {str(one.value()): one.symbol().color().name() for one in categories},
        "legend": [one.label() for one in categories],
        "grows": bool(categories)
        and categories[0].symbol().symbolLayer(0).dataDefinedProperties().isActive(QgsSymbolLayer.PropertySize),
        "tip": layer.mapTipTemplate(),
    }


def main() -> None:
    """Open, look, tell."""
    application = QgsApplication([], False)  # noqa: FBT003
    application.initQgis()
    layer = QgsVectorLayer(sys.argv[1], "layer", "ogr")
    sys.stdout.write(json.dumps(look(layer)))
    del layer
    application.exitQgis()


if __name__ == "__main__":
    main()
