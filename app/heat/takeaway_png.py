"""A map to take along as one image: title, map, legend, what was counted, source and date."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from app.heat.takeaway_print import ACCENT, INK, LINE, PAPER, SOFT, font

if TYPE_CHECKING:
    from app.heat.takeaway_sheet import ClassText, Sheet
    from app.web.pdf import Weight

WARNING = "#744700"


@dataclass(frozen=True)
class Layout:
    """Where things are, in pixels."""

    width: int
    height: int

    @property
    def unit(self) -> float:
        """1 for 1,600 × 1,000 pixels; letters stay legible in small images and do not fill large ones."""
        return min(max(min(self.width / 1600, self.height / 1000), 0.75), 2.5)

    def px(self, size: float) -> int:
        """A size of the 1,600 × 1,000 sheet."""
        return round(size * self.unit)

    @property
    def map_box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the map panel."""
        margin = self.px(28)
        return margin, self.px(112), self.width - self.px(372), self.height - self.px(64)

    @property
    def map_size(self) -> tuple[int, int]:
        """Width and height of the map panel."""
        left, top, right, bottom = self.map_box
        return right - left, bottom - top


@dataclass(frozen=True)
class _Pen:
    draw: ImageDraw.ImageDraw
    layout: Layout

    def text(
        self, at: tuple[float, float], text: str, size: float, weight: Weight = "Regular", fill: str = INK
    ) -> None:
        self.draw.text(at, text, fill, font(self.layout.px(size), weight), anchor="ls")

    def paragraph(
        self,
        at: tuple[float, float],
        text: str,
        width: float,
        *,
        size: float,
        weight: Weight = "Regular",
        fill: str = INK,
    ) -> float:
        """Break a text into lines; returns where the next one goes."""
        x, y = at
        face = font(self.layout.px(size), weight)
        for line in _lines(text, width, lambda part: self.draw.textlength(part, font=face)):
            y += self.layout.px(size * 1.3)
            self.draw.text((x, y), line, fill, face, anchor="ls")
        return y


def _lines(text: str, width: float, length: object) -> list[str]:
    assert callable(length)
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and length(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def compose(sheet: Sheet, panel: Image.Image, layout: Layout) -> bytes:
    """The PNG."""
    image = Image.new("RGB", (layout.width, layout.height), PAPER)
    image.paste(panel, layout.map_box[:2])
    pen = _Pen(ImageDraw.Draw(image, "RGBA"), layout)
    pen.draw.rectangle((*layout.map_box[:2], layout.map_box[2] - 1, layout.map_box[3] - 1), outline=LINE)
    _head(pen, sheet)
    _side(pen, sheet)
    _foot(pen, sheet)
    out = io.BytesIO()
    image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(out, "PNG", optimize=False)
    return out.getvalue()


def _head(pen: _Pen, sheet: Sheet) -> None:
    px = pen.layout.px
    pen.text((px(28), px(52)), sheet.title, 34, "Bold", ACCENT)
    line = " · ".join((sheet.measure, *sheet.facts))
    room = pen.layout.width - px(56)
    face = font(px(19))
    while pen.draw.textlength(line, font=face) > room and len(line) > 1:
        line = line.rstrip("…")[:-1] + "…"
    pen.text((px(28), px(88)), line, 19, fill=SOFT)


def _side(pen: _Pen, sheet: Sheet) -> None:
    px = pen.layout.px
    left, top = pen.layout.map_box[2] + px(22), pen.layout.map_box[1]
    width = pen.layout.width - left - px(24)
    y = pen.paragraph((left, top - px(6)), sheet.measure, width, size=19, weight="Bold")
    y = pen.paragraph((left, y), sheet.unit, width, size=15, fill=SOFT) + px(10)
    for one in reversed(sheet.classes) if _is_ramp(sheet) else sheet.classes:
        y = _class(pen, one, (left, y), width)
    y += px(8)
    for fact in sheet.facts:
        y = pen.paragraph((left, y), fact, width, size=16, weight="Semibold") + px(2)
    y += px(6)
    for note in sheet.notes:
        y = pen.paragraph((left, y), note, width, size=14, fill=SOFT) + px(3)


def _is_ramp(sheet: Sheet) -> bool:
    return all(one.drawn.lower is not None for one in sheet.classes)


def _class(pen: _Pen, one: ClassText, at: tuple[float, float], width: float) -> float:
    px = pen.layout.px
    x, y = at
    box = x, y + px(3), x + px(30), y + px(21)
    if one.drawn.pattern == "dots":
        for dx, dy in ((5, 7), (15, 7), (25, 7), (10, 15), (20, 15)):
            pen.draw.ellipse((x + px(dx), y + px(dy), x + px(dx + 3), y + px(dy + 3)), fill=one.drawn.rgba)
    elif one.drawn.pattern:
        for dx in (0, 7, 14, 21):
            pen.draw.line((x + px(dx), y + px(21), x + px(dx + 9), y + px(4)), fill=one.drawn.rgba, width=px(1.5))
    else:
        pen.draw.rectangle(box, fill=one.drawn.rgba)
    pen.draw.rectangle(box, outline=LINE)
    return max(pen.paragraph((x + px(40), y - px(3)), one.text, width - px(40), size=15) + px(7), y + px(24))


def _foot(pen: _Pen, sheet: Sheet) -> None:
    px = pen.layout.px
    y = pen.layout.height - px(24)
    pen.text((px(28), y), f"{sheet.source} · {sheet.made}", 15, fill=SOFT)
    parts = [(sheet.scope, INK)] + ([(sheet.synthetic, WARNING)] if sheet.synthetic else [])
    x: float = pen.layout.width - px(24)
    for text, fill in parts:
        x -= pen.draw.textlength(text, font=font(px(15), "Semibold"))
        pen.text((x, y), text, 15, "Semibold", fill)
        x -= px(18)
