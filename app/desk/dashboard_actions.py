"""The use case of the dashboard: how much was reported and done, and how long it took, as far as one may see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from flask_babel import gettext as _

from app.db.session import UnitOfWork
from app.desk import dashboard_store as store
from app.desk.dashboard_commands import WEEKS_UP_TO_DAYS, DashboardQuery
from app.desk.dashboard_store import By, Times, Unit
from app.errors import BadRequestError, ForbiddenError
from app.interventions.store import neighbourhoods
from app.nomenclature.store import Nomenclature
from app.people.actor import Actor
from app.people.guards import require_role
from app.people.store import Organisation, list_organisations
from app.reports.duplicates_recurrence import RecurringPlace, recurring_places
from app.reports.filters import LOCAL_ZONE

# Of fewer reports no time is said: one slow one would stand for all, and everybody would know which.
LEAST = 5
# "The same place again" is said of three reports or more.
RECURRING_LEAST = 3


@dataclass(frozen=True)
class Bucket:
    """A week or a month by its first day."""

    day: date
    reports: int
    interventions: int


@dataclass(frozen=True)
class Dashboard:
    """What the actor may see. organisation: whose figures these are (None: everybody's)."""

    organisation: Organisation | None
    organisations: tuple[Organisation, ...]
    neighbourhoods: tuple[tuple[int, str], ...]
    unit: Unit
    buckets: tuple[Bucket, ...]
    whole: Times
    # Everybody's, beside one organisation's: the one context that a partner gets, never another partner's own.
    everybody: Times | None
    times: Mapping[By, tuple[Times, ...]]
    recurring: tuple[RecurringPlace, ...]


def show(
    uow: UnitOfWork, actor: Actor, asked: DashboardQuery, nomenclature: Nomenclature, *, now: datetime
) -> Dashboard:
    """The dashboard of a period.

    A partner sees its own figures, and everybody's together for comparison. Planners and the coordination see all, and
    choose an organisation.

    Raises:
        NotSignedInError
        ForbiddenError: no role with a dashboard, or a partner that asks for another organisation.
        BadRequestError: no such organisation or neighbourhood.

    """
    require_role(actor, "partner", "planner", "coordinator")
    connection = uow.connection
    organisations, places = list_organisations(connection), neighbourhoods(connection)
    organisation = _organisation(actor, asked, organisations)
    if asked.neighbourhood is not None and asked.neighbourhood not in dict(places):
        raise BadRequestError("neighbourhood", _("there is no such neighbourhood"))
    slug = organisation.slug if organisation else None
    chosen = asked.chosen.model_copy(update={"organisation": slug})
    own = store.times(connection, chosen, asked.neighbourhood, now=now)
    everybody = None
    if organisation is not None:
        open_chosen = asked.chosen.model_copy(update={"organisation": None})
        everybody = store.times(connection, open_chosen, asked.neighbourhood, now=now)["all"][0]
    unit: Unit = "week" if asked.days <= WEEKS_UP_TO_DAYS else "month"
    asked = replace(asked, chosen=chosen)
    return Dashboard(
        organisation=organisation,
        organisations=organisations,
        neighbourhoods=places,
        unit=unit,
        buckets=_buckets(uow, asked, unit, now=now),
        whole=own["all"][0],
        everybody=everybody,
        times=own,
        recurring=_recurring(uow, asked, organisation, nomenclature),
    )


def _organisation(actor: Actor, asked: DashboardQuery, organisations: tuple[Organisation, ...]) -> Organisation | None:
    wanted = asked.chosen.organisation
    if actor.role == "partner":
        own = next(one for one in organisations if one.id == actor.organisation_id)
        if wanted not in (None, own.slug):
            raise ForbiddenError("a partner sees its own figures")
        return own
    if wanted is None:
        return None
    found = next((one for one in organisations if one.slug == wanted), None)
    if found is None:
        raise BadRequestError("organisation", _("“%(value)s” is not known", value=wanted[:40]))
    return found


def _buckets(uow: UnitOfWork, asked: DashboardQuery, unit: Unit, *, now: datetime) -> tuple[Bucket, ...]:
    """Every week or month of the period, also those in which nothing was."""
    reports = store.reports_by(uow.connection, unit, asked.chosen, asked.neighbourhood, now=now)
    done = store.interventions_by(uow.connection, unit, asked.chosen, asked.neighbourhood)
    made, day = [], start_of(unit, asked.from_date)
    while day <= asked.to_date:
        made.append(Bucket(day, reports.get(day, 0), done.get(day, 0)))
        day = start_of(unit, day + timedelta(days=7 if unit == "week" else 31))
    return tuple(made)


def start_of(unit: Unit, day: date) -> date:
    """The Monday of its week, or the first of its month."""
    return day - timedelta(days=day.weekday()) if unit == "week" else day.replace(day=1)


def _recurring(
    uow: UnitOfWork, asked: DashboardQuery, organisation: Organisation | None, nomenclature: Nomenclature
) -> tuple[RecurringPlace, ...]:
    """Places of the chosen themes to which things come back; empty when a narrower filter would make them untrue."""
    if asked.neighbourhood is not None or asked.chosen.categories or asked.chosen.severity_min is not None:
        return ()
    found = recurring_places(
        uow.connection,
        nomenclature,
        start=datetime.combine(asked.from_date, time(), LOCAL_ZONE),
        end=datetime.combine(asked.to_date + timedelta(days=1), time(), LOCAL_ZONE),
        organisation_id=organisation.id if organisation else None,
        at_least=RECURRING_LEAST,
    )
    themes = asked.chosen.themes
    return tuple(one for one in found if not themes or one.theme in themes)
