"""Clusters in awkward places."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.db.cluster import Cluster

Make = Callable[..., Cluster]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A temporary folder outside pytest's own, whose parents anybody may enter."""
    made = Path(tempfile.mkdtemp(prefix="quietude-db-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def make_new(folder: Path) -> Iterator[Make]:
    """Makes cluster objects, and stops their servers after the test whatever happened."""
    clusters: list[Cluster] = []

    def make(var_dir: Path | None = None, **options: object) -> Cluster:
        # Nothing is flushed to the disk, except where a test kills the server.
        cluster = Cluster(var_dir or folder / "var", **({"throw_away": True} | options))  # type: ignore[arg-type]
        clusters.append(cluster)
        return cluster

    yield make
    for cluster in clusters:
        cluster.down()


@pytest.fixture(scope="session")
def pattern() -> Iterator[Path]:
    """The data directory of a stopped cluster, for copying: initdb takes a second."""
    var_dir = Path(tempfile.mkdtemp(prefix="quietude-db-", dir="/tmp"))
    cluster = Cluster(var_dir, throw_away=True)
    cluster.up()
    cluster.down()
    yield cluster.data_dir
    shutil.rmtree(var_dir)


@pytest.fixture
def make(make_new: Make, pattern: Path) -> Make:
    """Like make_new, but initdb has been run already (in a copy of one made once)."""

    def make(var_dir: Path | None = None, **options: object) -> Cluster:
        cluster = make_new(var_dir, **options)
        if not cluster.data_dir.exists():
            cluster.var_dir.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "--archive", pattern, cluster.data_dir], check=True)
        return cluster

    return make
