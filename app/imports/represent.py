"""An import as JSON."""

from __future__ import annotations

from typing import Any

from flask import url_for

from app.imports.store import Batch
from app.web.bodies import rfc3339


def as_json(batch: Batch) -> dict[str, Any]:
    """What machines read. file_name is null for whoever may not read what stands in the file."""
    return {
        "id": str(batch.id),
        "state": batch.state,
        "organisation": batch.organisation,
        "file_name": batch.file_name,
        "format": batch.format,
        "bytes": batch.size_bytes,
        "sha256": batch.sha256.hex(),
        "uploaded_at": rfc3339(batch.uploaded_at),
        "ended_at": rfc3339(batch.ended_at),
        "undone_at": rfc3339(batch.undone_at),
        "percent": 100 if batch.state == "done" else batch.percent,
        "read": batch.read,
        "imported": batch.imported,
        "already_there": batch.already_there,
        "refused": batch.refused,
        "by_reason": dict(batch.by_reason),
        "checked": batch.checked,
        "removed": batch.removed,
        "kept": batch.kept,
        "failure": batch.failure,
        "refusals": url_for("imports.refusals", batch_id=batch.id) if batch.file_name else None,
    }
