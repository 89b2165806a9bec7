"""Query parameters of an export → one frozen filter, nothing ignored silently."""

from __future__ import annotations

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from app.errors import BadRequestError
from app.nomenclature.store import Nomenclature
from app.reports.filters import KEYS, ReportFilter, parse_filter

REPORT_KEYS = (*KEYS, "organisation")


def parse_export(args: MultiDict[str, str], nomenclature: Nomenclature) -> ReportFilter:
    """The filter of the map and the lists; a parameter that is unknown or given twice is refused, not ignored.

    Raises:
        BadRequestError: names the parameter.

    """
    refuse_strangers(args, REPORT_KEYS)
    return parse_filter(args, nomenclature)


def refuse_strangers(args: MultiDict[str, str], known: tuple[str, ...]) -> None:
    """A parameter that is unknown or given twice is refused.

    Raises:
        BadRequestError: names the parameter.

    """
    for name, values in args.lists():
        if name not in known:
            raise BadRequestError(
                name[:40], _("there is no such parameter; known are %(names)s", names=", ".join(known))
            )
        if len(values) > 1:
            raise BadRequestError(name, _("given more than once; separate several values by commas"))
