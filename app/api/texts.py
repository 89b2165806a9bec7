"""What the document says that no single view does: conventions, limits, problems, headers."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from app.web.described import Parameter
from app.web.problems import TITLES

DESCRIPTION = """\
A register of public-space defects and tranquillity issues, of places and things, never of persons.

**Signing in.** `Authorization: Bearer TOKEN`. A token is made on the account page (`/account`) or by the
administration (`quietude token create`). Its scope is `read` or `write` (write includes read); it never does more
than its account's role.

**Once.** Whatever is created has a UUID of your making: the same body sent again is stored once (201, then 200), so
that every request may be repeated after a lost answer.

**Changes** name the version that they are made on: `If-Match` with the ETag of the answer before (412 when somebody
else changed it meanwhile), or `version` in the body (409 then). Without either nothing is changed: 428.

**Pages.** Lists take `limit` and lead on with `next` and a `Link` header (`rel="next"`) until there is no more.

**Errors** are Problem Details (RFC 9457, `application/problem+json`), each refused field with its message, in the
language of `Accept-Language` (French or English).

**Limits.** 600 requests a minute for each token, unless the administration set another limit; 120 changes a minute
for each account, where the pieces of a photo after its first count apart (600). `RateLimit-Limit`,
`RateLimit-Remaining` and `RateLimit-Reset` say where you stand; beyond it 429 with `Retry-After`.

Times are RFC 3339, in UTC; degrees are EPSG:4326, longitude first. Readers should ignore what they do not know:
fields are added.
"""

TAGS = {
    "reports": _l("Reports: observations at a place, and what became of them"),
    "interventions": _l("Interventions: work and presence by partners"),
    "patrols": _l("Rounds: who looked where, also when there was nothing"),
    "photos": _l("Photos of reports and interventions"),
    "heat": _l("The heat map in numbers"),
    "tiles": _l("The heat map and the reports as tiles"),
    "places": _l("The reference geography"),
    "exports": _l("Everything as one file"),
    "imports": _l("Batch files of partners"),
    "offline": _l("What a phone takes along"),
    "account": _l("Who is asking"),
    "service": _l("The service itself"),
}
# What an answer may end badly with: the same sentences as the problems themselves.
PROBLEMS = {status: text for status, (_title, text) in TITLES.items()}
HEADERS = {
    "ETag": _l("The version, to send back as If-Match or If-None-Match."),
    "Cache-Control": _l("Whether it may be kept, and by whom."),
    "Location": _l("Where it is."),
    "Link": _l("Where it goes on (rel=next), or what is near (rel=related)."),
    "Content-Disposition": _l("The name of the file."),
    "X-Request-Id": _l("Names this request in the service's log: tell it when something went wrong."),
}
EVERYWHERE = ("X-Request-Id",)
IF_MATCH = Parameter(
    "If-Match", _l("The ETag that you saw, instead of `version` in the body: 412 when it has changed."), is_header=True
)
SECURITY: dict[str, Any] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": _l("A token of the account page; the scope that an endpoint needs stands beside it."),
    }
}
