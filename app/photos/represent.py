"""A photo for machines."""

from __future__ import annotations

from typing import Any

from app.photos.store import PhotoRow
from app.web.bodies import rfc3339


def as_json(row: PhotoRow) -> dict[str, Any]:
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
