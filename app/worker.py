"""`quietude worker`: what happens because of something else, and by the clock, beside the web server's processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any

import click
import psycopg
from flask import Blueprint, Flask
from flask_babel import force_locale
from procrastinate.exceptions import ConnectorException

from app.db.cluster import Cluster
from app.db.running import running
from app.errors import SettingsError
from app.jobs.registry import TASK_MODULES, Work
from app.jobs.running import CONCURRENCY, Options, quiet_logs, run
from app.settings import Settings, load_settings
from app.web import context, language, logs
from app.web.context import database_url, services


def load_tasks() -> None:
    """Import every module that registers tasks."""
    for name in TASK_MODULES:
        import_module(name)


def make_worker_app(settings: Settings) -> Flask:
    """A Flask application without pages: settings, engine, languages and the templates of mails."""
    app = Flask("app.web")
    context.init_app(app, settings.model_copy(update={"threads": 2 * CONCURRENCY}))
    logs.init_app(app)
    language.init_app(app)
    app.register_blueprint(Blueprint("mails", "app.notifications", template_folder="templates"))
    return app


def work_of(app: Flask) -> Work:
    """What tasks work with, out of an application."""
    with app.app_context():
        return Work(services().engine, services().settings)


def context_of(app: Flask) -> AbstractContextManager[Any]:
    """The application's context, in French: what is written for somebody says its language itself."""

    @contextmanager
    def entered() -> Iterator[None]:
        with app.app_context(), force_locale("fr"):
            yield

    return entered()


@click.command()
@click.option("--beside", type=int, hidden=True, help="The server's process: the worker leaves with it.")
def worker(beside: int | None) -> None:
    """Send mails and webhooks, and do what is due, until Ctrl-C. `quietude serve` has one already; more may run."""
    settings = load_settings()
    load_tasks()
    if settings.database_url is not None or beside is not None:
        _work(settings, beside)
    else:
        with running(Cluster(settings.var_dir)):
            _work(settings, beside)


def _work(settings: Settings, beside: int | None) -> None:
    app = make_worker_app(settings)
    quiet_logs()
    try:
        asyncio.run(
            run(database_url(settings), work_of(app), context=lambda: context_of(app), options=Options(parent=beside))
        )
    except (ConnectorException, psycopg.Error) as error:
        raise SettingsError(f"the worker cannot reach the database: {error}") from None


commands = [worker]
