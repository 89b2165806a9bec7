"""Open311 GeoReport v2 at /open311/v2/, in JSON and XML."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid5

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import MethodNotAllowed

from app.db.session import unit_of_work
from app.errors import ConflictError, InvalidInputError, NotFoundError
from app.nomenclature.actions import current_nomenclature
from app.nomenclature.store import Nomenclature
from app.open311 import actions, represent
from app.open311.actions import Found, Sender, TooManyTodayError
from app.open311.commands import parse_key, parse_post, parse_query, request_id
from app.open311.edge import asking, equip, given, refuse, take_post
from app.open311.render import answer
from app.people.setup import public_url
from app.photos.actions import archive, upload
from app.photos.commands import UploadCommand
from app.photos.files import StorageError
from app.photos.rules import MOST_PER_SUBJECT
from app.photos.sandbox import SandboxBusyError
from app.places.actions import current_territory
from app.reports.commands import Checks
from app.reports.store import ReportRow
from app.web.context import services
from app.web.language import locale_code

blueprint = Blueprint("open311", __name__, url_prefix="/open311")
equip(blueprint)

_FORMAT = "<any(json, xml):ending>"
# Resources and what they take: for whoever asks one of them in a way that it does not have.
_RESOURCES = (
    (re.compile(r"(v2/)?discovery"), ("GET",)),
    (re.compile(r"v2/services(/[^/]+)?"), ("GET",)),
    (re.compile(r"v2/requests"), ("GET", "POST")),
    (re.compile(r"v2/(requests|tokens)/[^/]+"), ("GET",)),
)


@blueprint.get(f"/discovery.{_FORMAT}")
@blueprint.get(f"/v2/discovery.{_FORMAT}")
def discovery(ending: str) -> Response:
    """Where the endpoint is, which formats it has, how to get a key."""
    return answer("discovery", represent.discovery(_base_url()), ending)


@blueprint.get(f"/v2/services.{_FORMAT}")
def list_services(ending: str) -> Response:
    """What can be reported."""
    _check_jurisdiction(request.args)
    return answer("services", represent.services(current_nomenclature(), locale_code()), ending)


@blueprint.get(f"/v2/services/<code>.{_FORMAT}")
def definition(code: str, ending: str) -> Response:
    """What may be said besides of one service."""
    _check_jurisdiction(request.args)
    category = current_nomenclature().category_by_code.get(code)
    if category is None or not category.active:
        raise NotFoundError("service_code", code)
    return answer("service_definition", represent.definition(category), ending)


@blueprint.get(f"/v2/requests.{_FORMAT}")
def list_requests(ending: str) -> Response:
    """Requests that the key may see, the newest first."""
    _check_jurisdiction(request.args)
    nomenclature, actor = current_nomenclature(), asking()
    query = parse_query(request.args, nomenclature, datetime.now(UTC))
    with unit_of_work(services().engine, actor) as uow:
        found = actions.find(uow, actor, query)
    response = _requests(found, nomenclature, ending, extensions=query.extensions)
    if query.ids is None and len(found) == query.page_size:
        following = request.args.to_dict() | {"page": str(query.page + 1)}
        following.pop("api_key", None)
        response.headers["Link"] = f'<{_base_url()}{request.path}?{urlencode(following)}>; rel="next"'
    return response


@blueprint.get(f"/v2/requests/<service_request_id>.{_FORMAT}")
def read(service_request_id: str, ending: str) -> Response:
    """One request: an array of one."""
    _check_jurisdiction(request.args)
    found = _found(service_request_id)
    extensions = request.args.get("extensions", "").lower() in {"true", "1"}
    return _requests((found,), current_nomenclature(), ending, extensions=extensions)


@blueprint.get(f"/v2/tokens/<token>.{_FORMAT}")
def token(token: str, ending: str) -> Response:
    """Ids are given at once here, so a token is the id that it leads to."""
    _check_jurisdiction(request.args)
    found = _found(token)
    said = [{"service_request_id": str(found.row.id), "token": token}]
    return answer("service_requests", said, ending)


@blueprint.post(f"/v2/requests.{_FORMAT}")
def create(ending: str) -> Response:
    """A new request: 201, or 200 when the very same came before."""
    values = given()
    _check_jurisdiction(values)
    engine, actor = services().engine, asking()
    with unit_of_work(engine, actor) as uow:
        sender = actions.sender_of(uow, actor)
    take_post(sender.actor, is_resident=sender.is_resident)
    post, key = parse_post(values), parse_key(request.headers.get("Idempotency-Key"))
    checks = Checks(current_nomenclature(), current_territory(), datetime.now(UTC))
    try:
        with unit_of_work(engine, sender.actor) as uow:
            row, is_new, notices = actions.create(uow, sender, post, checks, key=key)
    except TooManyTodayError:
        response = refuse(429, _("Residents have sent as many reports today as this service takes. Try tomorrow."))
        response.headers["Retry-After"] = str(actions.today_until(checks.now))
        return response
    notices += tuple(_store_media(sender, row, checks.now))
    said = {"service_request_id": str(row.id), "service_notice": _notice(row, notices), "account_id": None}
    response = answer("service_requests", [said], ending, 201 if is_new else 200)
    response.headers["Location"] = url_for("open311.read", service_request_id=row.id, ending=ending)
    return response


@blueprint.route("/", defaults={"anything": ""}, methods=["POST", "PUT", "PATCH", "DELETE"])
@blueprint.route("/v2/", defaults={"anything": ""}, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@blueprint.route("/<path:anything>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def nothing_here(anything: str) -> Response:
    """Everything else below /open311/: no such format, a method that a resource does not take, no resource."""
    name, _dot, ending = anything.rpartition(".")
    for pattern, methods in _RESOURCES:
        if ending in {"json", "xml"} and pattern.fullmatch(name):
            raise MethodNotAllowed(valid_methods=[*methods, "HEAD", "OPTIONS"])
        if pattern.fullmatch(anything) or pattern.fullmatch(name):
            return refuse(404, _("The address ends in .json or .xml: there is no other format."))
    raise NotFoundError(_("address"))


def _base_url() -> str:
    return public_url(services().settings)


def _check_jurisdiction(values: Any) -> None:
    wanted = values.get("jurisdiction_id")
    if wanted:
        with unit_of_work(services().engine, asking()) as uow:
            actions.check_jurisdiction(uow, str(wanted))


def _found(text: str) -> Found:
    report_id = request_id(text)
    if report_id is None:
        raise NotFoundError("service_request_id")
    with unit_of_work(services().engine, asking()) as uow:
        return actions.read(uow, report_id)


def _requests(found: tuple[Found, ...], nomenclature: Nomenclature, ending: str, *, extensions: bool) -> Response:
    listed = represent.requests(found, nomenclature, locale=locale_code(), base_url=_base_url(), extensions=extensions)
    return answer("service_requests", listed, ending)


def _notice(row: ReportRow, notices: tuple[str, ...]) -> str:
    goes_to = _("With %(organisation)s.", organisation=row.organisation) if row.organisation else ""
    return " ".join(part for part in (goes_to, *notices) if part)


def _store_media(sender: Sender, row: ReportRow, now: datetime) -> Iterator[str]:
    """Add the files of the post as photos; what was not kept and why. A media_url is never fetched (0024)."""
    kept = archive(services().engine, services().settings.var_dir)
    files = [file for files in request.files.listvalues() for file in files if file.filename]
    if request.values.get("media_url"):
        yield _("media_url is not fetched here: send the picture itself as the file “media”.")
    if len(files) > MOST_PER_SUBJECT:
        yield _("Only the first six photos were kept.")
    for file in files[:MOST_PER_SUBJECT]:
        raw = file.read()
        # The same picture sent again is the same photo.
        photo_id = uuid5(row.id, hashlib.sha256(raw).hexdigest())
        try:
            upload(kept, sender.actor, "reports", row.id, UploadCommand(photo_id, "none", None, raw), now=now)
        except InvalidInputError as refused:
            yield _("A photo was not kept: %(why)s", why=refused.errors[0].message)
        except ConflictError as refused:
            yield _("A photo was not kept: %(why)s", why=refused.message)
        except (SandboxBusyError, StorageError):
            yield _("A photo was not kept: too many are coming in at once. Send the request again.")
