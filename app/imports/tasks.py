"""The jobs of imports: the work on one batch, and the removal of files that nobody needs any more."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta
from uuid import UUID

from flask_babel import gettext as _

from app.db.session import unit_of_work
from app.errors import ConflictError, NotFoundError
from app.imports import store
from app.imports.files import Folder, folders
from app.imports.rules import DONE_DAYS, DRAFT_DAYS
from app.imports.running import Runner, utc_now
from app.jobs.registry import HOUR_S, MINUTE_S, Work, task
from app.people.actor import SYSTEM
from app.reports.importing.mapping import MappingError

WORK = "imports.work"
# A folder without a line in the log is an upload under way, or what a killed one left.
ORPHAN_S = 24.0 * HOUR_S


@task(WORK, retry_after_s=(5, 30, MINUTE_S, 5 * MINUTE_S))
def work_on(work: Work, batch_id: str) -> None:
    """Go on with a batch from where it stands."""
    runner, wanted = Runner(work.engine, work.settings.var_dir), UUID(batch_id)
    try:
        runner.work(wanted)
    except MappingError as error:
        runner.fail(wanted, str(error))
    except NotFoundError:
        runner.fail(wanted, _("The file is no longer there. Send it again."))
    except ConflictError:
        if not work.is_last:
            raise
        runner.fail(wanted, _("Another import of the same kind is under way. Try again when it has ended."))
    except Exception:
        if work.is_last:
            runner.fail(wanted, _("Something went wrong on our side. What was brought in until then stays."))
        raise


@task("imports.clean", retry_after_s=(HOUR_S,), cron="50 2 * * *")
def clean(work: Work) -> None:
    """Every night: the files of finished imports after a month, of unfinished ones after a week."""
    now = utc_now()
    with unit_of_work(work.engine, SYSTEM) as uow:
        limits = now - timedelta(days=DRAFT_DAYS), now - timedelta(days=DONE_DAYS)
        for batch_id, is_draft in store.old_batches(uow.connection, *limits):
            Folder(work.settings.var_dir, batch_id).remove()
            if is_draft:
                store.forget_batch(uow.connection, batch_id)
            else:
                store.change_batch(uow.connection, batch_id, now, files_removed_at=now)
    _clean_orphans(work)


def _clean_orphans(work: Work) -> None:
    found = dict(folders(work.settings.var_dir))
    with unit_of_work(work.engine, SYSTEM) as uow:
        known = store.known_of(uow.connection, list(found))
    for batch_id, path in found.items():
        if batch_id not in known and time.time() - path.stat().st_mtime > ORPHAN_S:
            shutil.rmtree(path, ignore_errors=True)
