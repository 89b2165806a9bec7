"""Run by the system's Python with QGIS, without a screen: what it reads from the server, as JSON. Not a test itself.

Arguments: root of the server, file with a token, folder of its own, a point in metres of Lambert-93.
FOLDER/quietude.qgs is opened, FOLDER/seen.json and FOLDER/*.png are written.
The token is kept as the guide says: Basic, as its password, in QGIS's own encrypted store.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from qgis.core import (  # type: ignore[import-not-found,unused-ignore]
    QgsApplication,
    QgsAuthMethodConfig,
    QgsCoordinateReferenceSystem,
    QgsFeatureRequest,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
    QgsVectorTileLayer,
)
from qgis.PyQt.QtCore import QSize  # type: ignore[import-not-found,unused-ignore]
from qgis.PyQt.QtGui import QColor  # type: ignore[import-not-found,unused-ignore]

AUTHCFG = "quietud"
BACKGROUND = QColor("#f4f1ea")


def sign_in(token: str) -> bool:
    manager = QgsApplication.authManager()
    manager.setMasterPassword("a password for tests", True)  # noqa: FBT003
    config = QgsAuthMethodConfig("Basic")
    config.setId(AUTHCFG)
    config.setName("Quiétude")
    config.setConfig("username", "jeton")
    config.setConfig("password", token)
    return bool(manager.storeAuthenticationConfig(config)[0])


def source(root: str, name: str, authcfg: str = f"authcfg={AUTHCFG} ") -> str:
    """As QGIS's own dialogue writes it."""
    return f"{authcfg}pagingEnabled='true' restrictToRequestBBOX='1' typename='{name}' url='{root}/ogc/'"


def plain(value: Any) -> Any:
    """Dates as ISO 8601, QGIS's NULL as null."""
    if hasattr(value, "isNull") and value.isNull():
        return None
    return value.toUTC().toString("yyyy-MM-ddTHH:mm:ssZ") if hasattr(value, "toUTC") else value


def reports(root: str) -> dict[str, Any]:
    """All of them with their values; and by a box, by a condition."""
    layer = QgsVectorLayer(source(root, "reports"), "reports", "OAPIF")
    names = [field.name() for field in layer.fields()]
    rows = [dict(zip(names, map(plain, feature.attributes()), strict=True)) for feature in layer.getFeatures()]
    places = {feature.attribute(0): list(feature.geometry().asPoint()) for feature in layer.getFeatures()}
    box = layer.extent()
    west = QgsRectangle(box.xMinimum(), box.yMinimum(), box.center().x(), box.yMaximum())
    seen = {
        "valid": layer.isValid(),
        "count": layer.featureCount(),
        "types": {field.name(): field.typeName() for field in layer.fields()},
        "rows": rows,
        "places": places,
        "extent": [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()],
        "west": [feature.attribute(0) for feature in layer.getFeatures(QgsFeatureRequest(west))],
    }
    layer.setSubsetString('"severity" = 3 AND "category" = \'overflowing_bin\'')
    seen["filtered"] = [feature.attribute(0) for feature in layer.getFeatures()]
    return seen


def colours(layer: Any) -> dict[str, str]:
    """Value, or class, or name of a style → colour."""
    renderer = layer.renderer()
    if renderer is None:
        return {}
    if isinstance(layer, QgsVectorTileLayer):
        return {style.styleName(): style.symbol().color().name() for style in renderer.styles()}
    if renderer.type() == "categorizedSymbol":
        return {one.value(): one.symbol().color().name() for one in renderer.categories()}
    if renderer.type() == "graduatedSymbol":
        return {one.label(): one.symbol().color().name() for one in renderer.ranges()}
    return {"": renderer.symbol().color().name()}


def drawn(layers: list[Any], rectangle: Any, path: Path | None, scale: int) -> int:
    """How many pixels of a picture in Lambert-93 are not the background; the picture is kept where it is wanted."""
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:2154"))
    settings.setBackgroundColor(BACKGROUND)
    settings.setOutputSize(QSize(900, 600))
    settings.setExtent(rectangle)
    if scale:
        factor = scale / settings.scale()
        rectangle.scale(factor)
        settings.setExtent(rectangle)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    if path is not None:
        image.save(str(path))
    ground = BACKGROUND.rgb()
    return sum(image.pixel(x, y) != ground for x in range(0, 900, 2) for y in range(0, 600, 2))


def of_project(path: Path, middle: tuple[float, float]) -> dict[str, Any]:
    """The project's layers in their order, and what they draw: `far` the first view, `near` close to the middle."""
    project = QgsProject.instance()
    opened = project.read(str(path))
    found = []
    for node in project.layerTreeRoot().findLayers():
        layer = node.layer()
        one = {
            "group": node.parent().name(), "name": layer.name(), "valid": layer.isValid(), "shown": node.isVisible(),
            "colours": colours(layer), "scales": [layer.minimumScale(), layer.maximumScale()],
            "limited": layer.hasScaleBasedVisibility(), "authcfg": AUTHCFG in layer.source(),
        }  # fmt: skip
        if isinstance(layer, QgsVectorLayer):
            settings = layer.labeling().settings() if layer.labelsEnabled() else None
            one |= {
                "count": sum(1 for _feature in layer.getFeatures()),
                "renderer": layer.renderer() and layer.renderer().type(),
                "label": settings and settings.fieldName,
                "label_scale": settings and settings.scaleVisibility and settings.minimumScale,
                "aliases": [field.alias() for field in layer.fields()],
            }
        found.append(one)
    visible = [node.layer() for node in project.layerTreeRoot().findLayers() if node.isVisible()]
    view = project.viewSettings().defaultViewExtent()
    near = QgsRectangle(middle[0] - 500, middle[1] - 500, middle[0] + 500, middle[1] + 500)
    clusters = [layer for layer in visible if isinstance(layer, QgsVectorTileLayer)]
    folder = path.parent
    seen = {
        "opened": opened,
        "title": project.title(),
        "crs": project.crs().authid(),
        "layers": found,
        "view": [view.xMinimum(), view.yMinimum(), view.xMaximum(), view.yMaximum()],
        "far": drawn(visible, QgsRectangle(view), folder / "far.png", 0),
        "near": drawn(visible, QgsRectangle(near), folder / "near.png", 4_500),
        "clusters_far": drawn(clusters, QgsRectangle(view), None, 0),
        "clusters_near": drawn(clusters, QgsRectangle(near), None, 8_000),
    }
    project.clear()
    return seen


def main() -> None:
    """Look at everything in one run: QGIS takes its time to start."""
    root, token, folder = sys.argv[1], Path(sys.argv[2]).read_text(encoding="ascii").strip(), Path(sys.argv[3])
    middle = (float(sys.argv[4]), float(sys.argv[5]))
    application = QgsApplication([], False)  # noqa: FBT003
    application.initQgis()
    stranger = QgsVectorLayer(source(root, "reports", ""), "stranger", "OAPIF")
    seen = {
        "signed_in": sign_in(token),
        "stranger": [stranger.isValid(), sum(1 for _feature in stranger.getFeatures())],
        "reports": reports(root),
        "project": of_project(folder / "quietude.qgs", middle),
    }
    del stranger
    (folder / "seen.json").write_text(json.dumps(seen), encoding="utf-8")
    application.exitQgis()


if __name__ == "__main__":
    main()
