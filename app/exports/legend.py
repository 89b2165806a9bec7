"""What codes mean, in the reader's language, and the colours of the themes: for files that are opened in a GIS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from flask_babel import gettext as _
from sqlalchemy import Connection

from app.exports.dictionary import COLUMNS
from app.interventions.rules import STATES as INTERVENTION_STATES
from app.interventions.store import kinds
from app.interventions.words import state_label as intervention_state_label
from app.interventions.words import visibility_label
from app.nomenclature.store import Nomenclature, load_nomenclature
from app.patrols.rules import KINDS, NOT_PASSED, OUTCOMES
from app.patrols.rules import STATES as PATROL_STATES
from app.patrols.words import kind_label, outcome_label
from app.patrols.words import state_label as patrol_state_label
from app.reports.rules import STATES
from app.reports.words import state_label
from app.web.language import locale_code

# Okabe and Ito's eight (2008), which colour-blind readers tell apart, in an order that keeps neighbours unlike.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b8a900", "#4d4d4d")
VISIBILITIES = ("public", "partner", "restricted")
# What has a legend.
STYLED = ("reports", "interventions", "patrols")

# Code and label, in the order of the screens.
Values = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Legend:
    """Of one layer: its title, each column's title and meaning, the labels of codes by column, and what is coloured."""

    title: str
    columns: Mapping[str, tuple[str, str]]
    values: Mapping[str, Values]
    coloured: str
    # Whether every geometry is a point; a layer of all kinds has no style of its own, only titles and labels.
    points: bool

    @property
    def colours(self) -> list[tuple[str, str, str]]:
        """Code, label, colour (#rrggbb) of each value of the coloured column."""
        return [(code, label, colour) for (code, label), colour in zip(self.values[self.coloured], cycle(COLOURS))]


@dataclass(frozen=True)
class Layer:
    """What a format's frame knows: the layer's name, its legend if the format asked for it, how many rows there were.

    count is right once the last chunk came.
    """

    name: str
    legend: Legend | None
    count: Callable[[], int]


def read_legend(connection: Connection, what: str) -> Legend:
    """The legend of `reports`, `interventions` or `patrols` in the current language; no actor needed."""
    columns = {column.name: (str(column.title), str(column.meaning)) for column in COLUMNS[what] if not column.csv_only}
    if what == "patrols":
        return Legend(_("Rounds"), columns, _of_patrols(), "outcome", points=True)
    if what == "interventions":
        labels = [(kind.code, kind.label(locale_code())) for kind in kinds(connection)]
        return Legend(_("Interventions"), columns, _of_interventions(labels), "state", points=False)
    return Legend(
        _("Reports"), columns, _of_reports(load_nomenclature(connection), locale_code()), "theme", points=True
    )


def _of_reports(nomenclature: Nomenclature, locale: str) -> dict[str, Values]:
    severities = (_("Nuisance"), _("Damage"), _("Serious"), _("Immediate danger"))
    return {
        "category": [(category.code, category.label(locale)) for category in nomenclature.categories],
        "theme": [(theme.code, theme.label(locale)) for theme in nomenclature.themes],
        "kind": [("defect", _("Defect of public space")), ("disorder", _("Nuisance to public tranquillity"))],
        "severity": [(str(number), label) for number, label in enumerate(severities, 1)],
        "state": [(state, state_label(state)) for state in STATES],
        "visibility": _visibilities(),
    }


def _of_interventions(labels: Iterable[tuple[str, str]]) -> dict[str, Values]:
    return {
        "kind": list(labels),
        "state": [(state, intervention_state_label(state)) for state in INTERVENTION_STATES],
        "visibility": _visibilities(),
    }


def _of_patrols() -> dict[str, Values]:
    outcomes = [(outcome, outcome_label(outcome)) for outcome in OUTCOMES]
    return {
        "kind": [(kind, kind_label(kind)) for kind in KINDS],
        "state": [(state, patrol_state_label(state)) for state in PATROL_STATES],
        "outcome": [*outcomes, (NOT_PASSED, _("Nobody has looked"))],
    }


def _visibilities() -> Values:
    return [(visibility, visibility_label(visibility)) for visibility in VISIBILITIES]
