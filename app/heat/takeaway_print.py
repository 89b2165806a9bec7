"""The map as pixels: heat, reference geography, names, scale bar and north, drawn with Pillow.

The font comes with a Python package, so that the image is the same on every machine.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import shapely
from PIL import Image, ImageDraw, ImageFont
from shapely.ops import substring

from app.web.pdf import Weight, font_path

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from app.heat.cube import Array
    from app.heat.palette import Palette
    from app.heat.takeaway_frame import Frame
    from app.heat.takeaway_layers import Shape

INK, SOFT, ACCENT, PAPER, SURROUNDINGS, LAND, LINE = (
    "#1d2a33", "#4a5861", "#0d5c63", "#ffffff", "#eceae4", "#fdfcf9", "#c9c2b4",
)  # fmt: skip
# Vectors are drawn on a canvas this many times as fine, and shrunk: Pillow's lines have no smooth edges.
_FINER = 2
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@lru_cache(maxsize=64)
def font(size: int, weight: Weight = "Regular") -> ImageFont.FreeTypeFont:
    """A size in pixels."""
    return ImageFont.truetype(font_path(weight), size)


@dataclass(frozen=True)
class MapPicture:
    """What is drawn: `classes` are numbers of `palette`, one a pixel; `unit` scales strokes and letters."""

    frame: Frame
    classes: Array
    palette: Palette
    shapes: list[Shape]
    unit: float = 1.0

    def image(self) -> Image.Image:
        """The whole map panel."""
        picture = Image.new("RGB", (self.frame.width, self.frame.height), SURROUNDINGS)
        self._stroke(picture, [s for s in self.shapes if s.kind == "commune"], fill=LAND)
        heat = Image.fromarray(self.classes)
        heat.putpalette(self.palette.table)
        heat.info["transparency"] = self.palette.transparency
        picture.paste(heat.convert("RGBA"), (0, 0), heat.convert("RGBA"))
        self._vectors(picture)
        self._names(picture)
        self._scale_bar(picture)
        self._north(picture)
        return picture

    def _px(self, size: float) -> int:
        return max(1, round(size * self.unit))

    def _rings(self, shape: BaseGeometry, factor: int) -> list[list[tuple[float, float]]]:
        lines = []
        for part in shapely.get_parts(shape):
            for ring in shapely.get_rings(part) if part.geom_type == "Polygon" else [part]:
                x, y = self.frame.pixels(*shapely.get_coordinates(ring).T)
                lines.append(list(zip((x * factor).tolist(), (y * factor).tolist(), strict=True)))
        return lines

    def _visible(self, shape: Shape) -> BaseGeometry:
        frame = self.frame
        margin = 20 * frame.step
        box = frame.west - margin, frame.south - margin, frame.east + margin, frame.north + margin
        return shapely.clip_by_rect(shapely.make_valid(shape.shape_3857), *box)

    def _stroke(self, picture: Image.Image, shapes: list[Shape], *, fill: str) -> None:
        """Fill areas; holes are left."""
        mask = Image.new("L", (picture.width * _FINER, picture.height * _FINER), 0)
        draw = ImageDraw.Draw(mask)
        for shape in shapes:
            for part in shapely.get_parts(self._visible(shape)):
                if part.geom_type != "Polygon":
                    continue
                rings = self._rings(part, _FINER)
                draw.polygon(rings[0], fill=255)
                for hole in rings[1:]:
                    draw.polygon(hole, fill=0)
        picture.paste(Image.new("RGB", picture.size, fill), (0, 0), mask.resize(picture.size, Image.Resampling.BOX))

    def _vectors(self, picture: Image.Image) -> None:
        layer = Image.new("RGBA", (picture.width * _FINER, picture.height * _FINER), (0, 0, 0, 0))
        draw = ImageDraw.Draw(layer)
        styles = {"line": (1.0, 130, ACCENT), "neighbourhood": (0.9, 150, INK), "commune": (1.8, 235, INK)}
        for kind, (width, alpha, colour) in styles.items():
            for shape in (s for s in self.shapes if s.kind == kind):
                own = shape.colour if kind == "line" and _COLOUR.fullmatch(shape.colour) else colour
                red, green, blue = (int(own[i : i + 2], 16) for i in (1, 3, 5))
                pen = max(1, round(width * self.unit * _FINER))
                for line in self._rings(self._visible(shape), _FINER):
                    dashes = _dashed(line, self._px(6) * _FINER) if shape.approximate else [line]
                    for dash in dashes:
                        draw.line(dash, fill=(red, green, blue, alpha), width=pen, joint="curve")
        smooth = layer.resize(picture.size, Image.Resampling.BOX)
        picture.paste(smooth, (0, 0), smooth)

    def _names(self, picture: Image.Image) -> None:
        """Names that would stand on one another are left out; the largest places come first."""
        draw = ImageDraw.Draw(picture)
        taken: list[tuple[float, float, float, float]] = []
        places = sorted((s for s in self.shapes if s.kind == "neighbourhood"), key=lambda s: -s.shape_3857.area)
        for place in places:
            seen = self._visible(place)
            if seen.is_empty:
                continue
            point = shapely.point_on_surface(seen)
            x, y = (float(axis[0]) for axis in self.frame.pixels(np.array([point.x]), np.array([point.y])))
            face = font(self._px(13), "Semibold")
            box = draw.textbbox((x, y), place.name, font=face, anchor="mm")
            inside = box[0] > 2 and box[1] > 2 and box[2] < picture.width - 2 and box[3] < picture.height - 2  # noqa: PLR2004
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                halo = self._px(2.2)
                draw.text((x, y), place.name, INK, face, anchor="mm", stroke_width=halo, stroke_fill=PAPER)

    def _scale_bar(self, picture: Image.Image) -> None:
        draw = ImageDraw.Draw(picture, "RGBA")
        metres = nice_length(self.frame.metres_per_pixel * picture.width / 5)
        length = metres / self.frame.metres_per_pixel
        left, bottom = self._px(16), picture.height - self._px(16)
        face = font(self._px(13), "Semibold")
        text = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"  # noqa: PLR2004
        text = text.replace(".", ",")
        width = length + self._px(24) + draw.textlength(text, font=face)
        box = left - self._px(8), bottom - self._px(22), left + width, bottom + self._px(8)
        draw.rounded_rectangle(box, self._px(5), fill=(255, 255, 255, 225))
        pen = self._px(2)
        top, right = bottom - self._px(8), left + length
        draw.line([(left, top), (left, bottom), (right, bottom), (right, top)], fill=INK, width=pen)
        draw.text((left + length + self._px(8), bottom - self._px(6)), text, INK, face, anchor="lm")

    def _north(self, picture: Image.Image) -> None:
        """Up is north: Web Mercator keeps directions."""
        draw = ImageDraw.Draw(picture, "RGBA")
        x, y, size = picture.width - self._px(26), self._px(26), self._px(14)
        draw.ellipse((x - size - 4, y - size - 4, x + size + 4, y + size + 4), fill=(255, 255, 255, 225))
        tip = y - size
        draw.polygon(
            [(x, tip), (x - size * 0.5, y + size * 0.15), (x, y - size * 0.1), (x + size * 0.5, y + size * 0.15)], INK
        )
        draw.text((x, y + size * 0.62), "N", INK, font(self._px(12), "Bold"), anchor="mm")


def nice_length(most_m: float) -> float:
    """The greatest of 1, 2, 5 × 10ⁿ metres that is not above."""
    power = 10.0 ** math.floor(math.log10(most_m))
    return max(digit * power for digit in (1, 2, 5) if digit * power <= most_m)


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _dashed(line: list[tuple[float, float]], length: float) -> list[list[tuple[float, float]]]:
    """Every second piece of a line."""
    if len(line) < 2:  # noqa: PLR2004
        return []
    whole = shapely.LineString(line)
    if whole.length / length > 4000:  # noqa: PLR2004  (a border far larger than the picture)
        return [line]
    cuts = np.arange(0, whole.length, 2 * length)
    pieces = (substring(whole, cut, cut + length) for cut in cuts)
    return [[(x, y) for x, y in piece.coords] for piece in pieces if piece.geom_type == "LineString"]
