"""Measures, values and protected numbers in words, in the reader's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app
from flask_babel import get_translations
from flask_babel import gettext as _

from app.heat.cells import SQUARE_M
from app.heat.exposure import KINDS
from app.heat.measures import LEAST_HOT_REPORTS, band_m
from app.heat.protect import quarter_end, quarter_number, quarter_start
from app.web.language import number

if TYPE_CHECKING:
    from datetime import date

    from app.heat.actions import Legend, PointValue
    from app.heat.palette import LegendClass


def notice_texts(codes: tuple[str, ...], k: int) -> list[str]:
    """A sentence for each notice of a picture (selection.Asked.notices, drawing.Picture.notices)."""
    texts = {
        "small_numbers": _(
            "Protected counts: by theme, quarter and square of 400 m, in multiples of %(least)s; fewer than %(least)s"
            " look like none.",
            least=k,
        ),
        "whole_themes": _("Protected counts are shown by whole themes only; a part of a theme is left out."),
        "whole_quarters": _("Protected counts are shown by whole quarters only; a part of a quarter is left out."),
        "no_parts": _("Protected counts cannot be filtered by state, severity or organisation, and are left out."),
        "read_only": _("Reports that you may not read one by one are not part of this measure."),
        "before_the_register": _("The earlier period begins before the first report: an increase may only say that."),
        "edge_uncorrected": _("The territory is too large for the correction at its border with this smoothing."),
    }
    return [texts[code] for code in codes]


def ngettext(singular: str, plural: str, count: int, **values: str) -> str:
    """flask_babel's, with the number as the reader writes it; of this name, so that the msgids are collected."""
    return str(get_translations().ungettext(singular, plural, count) % {**values, "num": number(count)})


def _day(value: date) -> str:
    return str(current_app.jinja_env.filters["day"](value))


def measure_text(code: str) -> str:
    """The name of a measure."""
    texts = {
        "count": _("Reports"),
        "weighted": _("Severity and recency"),
        "per_exposure": _("Reports by exposure"),
        "significance": _("Hot and cold spots"),
        "change": _("Change"),
    }
    return str(texts[code])


def exposure_text(code: str) -> str:
    """The name of an exposure."""
    texts = {
        "residents": _("per 1,000 residents"),
        "dwellings": _("per 1,000 dwellings"),
        "stops": _("per stop"),
        "patrols": _("per patrol passage"),
    }
    return str(texts[code])


def unit_text(measure: str, exposure: str = "") -> str:
    """The unit of a measure's values."""
    texts = {
        "count": _("reports per km² and 30 days"),
        "weighted": _("severity points per km²"),
        "significance": _("standard score (Gi*)"),
        "change": _("reports per km² and 30 days, more or fewer"),
        "residents": _("reports per 1,000 residents and 30 days"),
        "dwellings": _("reports per 1,000 dwellings and 30 days"),
        "stops": _("reports per stop and 30 days"),
        "patrols": _("reports per patrol passage"),
    }
    return str(texts[exposure or measure])


def class_text(one: LegendClass) -> str:
    """What a class of the legend stands for."""
    if one.lower is not None and one.upper is not None:
        return str(_("%(low)s to %(high)s", low=number(one.lower), high=number(one.upper)))
    if one.lower is not None:
        return str(_("%(low)s and more", low=number(one.lower)))
    if one.upper is not None:
        return str(_("%(high)s and less", high=number(one.upper)))
    texts = {
        "not_enough_exposure": _("too few near to say"),
        "beyond_chance": _("more than chance explains (one in twenty marks may be wrong)"),
        "hot": _("hot spot: more than chance"),
        "ordinary": _("no more than chance"),
        "cold": _("cold spot: fewer than chance"),
    }
    return str(texts[one.code])


def legend_texts(legend: Legend) -> list[str]:
    """What a reader must know of the measure's parameters."""
    square, band = number(SQUARE_M), number(band_m(legend.bandwidth_m))
    if legend.measure == "weighted":
        text = _(
            "Severity 1 to 4; a report counts half as much after %(days)s days.", days=legend.measured.half_life_days
        )
        return [text]
    if legend.measure == "per_exposure":
        least = number(KINDS[legend.measured.exposure].least)
        return [_("Where fewer than %(least)s are near, nothing is said: it is not zero.", least=least)]
    if legend.measure == "significance":
        text = _(
            "Getis-Ord Gi* in squares of %(square)s m with their neighbours up to %(band)s m; hot from %(least)s"
            " reports on; one in twenty marked squares may be wrong.",
            square=square, band=band, least=number(LEAST_HOT_REPORTS),
        )  # fmt: skip
        return [text]
    if legend.measure == "change" and legend.against is not None:
        return [
            _against_text(legend),
            _("Dots: the count within %(band)s m changed more than chance explains.", band=band),
        ]
    return []


def _against_text(legend: Legend) -> str:
    assert legend.against is not None
    before = legend.reports_before or 0
    text = ngettext(
        "Compared with %(start)s to %(end)s: %(num)s report then.",
        "Compared with %(start)s to %(end)s: %(num)s reports then.",
        before, start=_day(legend.against.first), end=_day(legend.against.last),
    )  # fmt: skip
    return str(text)


def point_texts(point: PointValue, exposure: str = "") -> list[str]:
    """The value at a place and what lies around it, one sentence each."""
    near = ngettext(
        "%(num)s report less than %(metres)s m away",
        "%(num)s reports less than %(metres)s m away",
        point.reports_within_bandwidth,
        metres=number(point.bandwidth_m),
    )  # fmt: skip
    return [*_meaning_texts(point, exposure), near]


def _meaning_texts(point: PointValue, exposure: str) -> list[str]:
    said = {
        "outside": _("outside the territory"),
        "not_enough_exposure": _("too few near to say"),
        "hot": _("hot spot: more than chance"),
        "ordinary": _("no more than chance"),
        "cold": _("cold spot: fewer than chance"),
        "more": _("more reports than before, beyond chance"),
        "fewer": _("fewer reports than before, beyond chance"),
        "by_chance": _("no change beyond chance"),
    }
    texts = [said[point.meaning]] if point.meaning else []
    if point.value is None or point.meaning == "outside":
        return texts
    value = number(point.value)
    if point.measure == "change" and point.value > 0:
        value = f"+{value}"
    return [f"{value} {unit_text(point.measure, exposure)}", *texts]


def quarters(first: date, today: date, most: int = 8) -> list[dict[str, str]]:
    """The last quarters with reports, latest first: what the public can choose as a period."""
    latest = quarter_number(today)
    numbers = range(latest, max(quarter_number(first), latest - most + 1) - 1, -1)
    return [
        {
            "from": quarter_start(one).isoformat(),
            "to": quarter_end(one).isoformat(),
            "text": _("quarter %(number)s of %(year)s", number=one % 4 + 1, year=one // 4),
        }
        for one in numbers
    ]
