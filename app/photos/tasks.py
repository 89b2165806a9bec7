"""What the worker does for photos."""

from __future__ import annotations

import time

from app.jobs.registry import HOUR_S, Work, task
from app.photos.actions import archive, clean
from app.web.logs import get_logger

OLDER_THAN_S = 24.0 * HOUR_S


@task("photos.clean", retry_after_s=(HOUR_S,), cron="40 2 * * *")
def clean_orphans(work: Work) -> None:
    """Every night: remove picture files that no photo needs, and say which photos lack their file."""
    found = clean(archive(work.engine, work.settings.var_dir), older_than_s=OLDER_THAN_S, now_s=time.time())
    for photo_id in found.missing:
        get_logger().error("a photo's file is missing", photo=str(photo_id))
