"""Maps to take along: the same look as one HTML file, an image or a PDF."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from app.heat import palette, takeaway_html, takeaway_pdf, takeaway_png
from app.heat.takeaway_frame import Bounds, Frame, drawn, fitting_frame, frame_of
from app.heat.takeaway_layers import Shape, read_shapes
from app.heat.takeaway_png import Layout
from app.heat.takeaway_print import MapPicture
from app.heat.takeaway_sheet import Sheet, sheet_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.heat.actions import Look

Kind = Literal["html", "png", "pdf"]
KINDS: tuple[Kind, ...] = ("html", "png", "pdf")
SIZE = (1600, 1000)
SIDE_LEAST, SIDE_MOST, PIXELS_MOST = 600, 4000, 8_000_000


@dataclass(frozen=True)
class Order:
    """What is to be made. bounds: what the map shows (degrees); size: of the image."""

    look: Look
    bounds: Bounds
    by: str
    now: datetime
    is_synthetic: bool
    size: tuple[int, int] = field(default=SIZE)

    def sheet(self) -> Sheet:
        """The words."""
        return sheet_of(self.look, self.by, self.now, is_synthetic=self.is_synthetic)


def made(order: Order, kind: Kind, engine: Engine) -> bytes:
    """The file.

    Raises:
        NoPdfError: a PDF without the system's libraries for it.

    """
    make = {"html": _html, "png": _png, "pdf": _pdf}[kind]
    return make(order, engine)


def _shapes(engine: Engine, frame: Frame) -> list[Shape]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return read_shapes(connection, frame.lon_lat, frame.metres_per_pixel)


def _html(order: Order, engine: Engine) -> bytes:
    frame = fitting_frame(order.bounds, takeaway_html.PIXELS)
    picture = order.look.picture()
    png = palette.png(drawn(order.look, frame), picture.layer.palette)
    return takeaway_html.compose(order.sheet(), png, frame.lon_lat, order.bounds, _shapes(engine, frame))


def _picture(order: Order, engine: Engine, frame: Frame, unit: float, pixels_per_point: int) -> MapPicture:
    classes = drawn(order.look, frame, pixels_per_point)
    return MapPicture(frame, classes, order.look.picture().layer.palette, _shapes(engine, frame), unit)


def _png(order: Order, engine: Engine) -> bytes:
    layout = Layout(*order.size)
    frame = frame_of(order.bounds, *layout.map_size)
    panel = _picture(order, engine, frame, layout.unit, max(1, round(layout.unit))).image()
    return takeaway_png.compose(order.sheet(), panel, layout)


def _pdf(order: Order, engine: Engine) -> bytes:
    frame = frame_of(order.bounds, *takeaway_pdf.MAP_PIXELS)
    points = takeaway_pdf.PIXELS_PER_POINT
    panel = _picture(order, engine, frame, points * 0.95, points).image()
    return takeaway_pdf.compose(order.sheet(), panel)
