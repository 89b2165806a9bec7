"""`quietude jobs …`: what the queue holds, and another try for what failed."""

from __future__ import annotations

import json

import click

from app.cli_context import open_engine
from app.errors import NotFoundError
from app.jobs import store


@click.group()
def jobs() -> None:
    """Look after the queue."""


@jobs.command("list")
@click.option("--state", type=click.Choice(store.STATES), help="Only jobs that wait, run or failed.")
def list_jobs(state: str | None) -> None:
    """What is not done: id, state, attempts, task, arguments, since when; tab-separated. What succeeded is not kept."""
    with open_engine() as engine, engine.begin() as connection:
        found = store.list_jobs(connection, (state,) if state else store.STATES)
    for job in found:
        since = job.last_at.isoformat(timespec="seconds") if job.last_at else ""
        arguments = json.dumps(dict(job.args), ensure_ascii=False)
        click.echo("\t".join((str(job.id), job.state, str(job.attempts), job.task, arguments, since)))


@jobs.command("retry")
@click.argument("job_id", type=click.IntRange(min=1))
def retry(job_id: int) -> None:
    """Try a failed job once more, at once."""
    with open_engine() as engine, engine.begin() as connection:
        if not store.retry(connection, job_id):
            raise NotFoundError("failed job", job_id)
    click.echo(f"job {job_id} is tried again")


commands = [jobs]
