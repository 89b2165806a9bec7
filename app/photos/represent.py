"""A photo for machines."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from app.photos.rules import STAGES
from app.photos.store import PhotoRow
from app.web.bodies import rfc3339
from app.web.described import Id, Moment, one_of


class PhotoJson(TypedDict):
    """A photo of a report or an intervention, and where its two sizes are."""

    id: Id
    subject: Annotated[str, one_of("reports", "interventions")]
    subject_id: Id
    stage: Annotated[str, one_of(*STAGES)]
    state: Annotated[str, one_of("hidden", "published", "removed")]
    width_px: int
    height_px: int
    size_bytes: int
    taken_at: Moment | None
    received_at: Moment
    is_covered: bool
    organisation: str | None
    url: str
    thumb_url: str


class PhotosJson(TypedDict):
    """The photos of one report or intervention, in the order they were added; six at most."""

    photos: list[PhotoJson]


def as_json(row: PhotoRow) -> PhotoJson:
    """What is known of a photo, and where its two sizes are."""
    subject, subject_id = row.subject
    return {
        "id": str(row.id),
        "subject": subject,
        "subject_id": str(subject_id),
        "stage": row.stage,
        "state": row.state,
        "width_px": row.width_px,
        "height_px": row.height_px,
        "size_bytes": row.size_bytes,
        "taken_at": rfc3339(row.taken_at),
        "received_at": rfc3339(row.received_at),
        "is_covered": row.covered_at is not None,
        "organisation": row.organisation,
        "url": f"/photos/{row.id}",
        "thumb_url": f"/photos/{row.id}/thumb",
    }
