"""Schemathesis on the documents, against the real server: every operation, all checks that it has, one seed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.api.serving import Site

HERE = Path(__file__).parent
API, OGC = "/api/openapi.json", "/ogc/api"


def _run(site: Site, folder: Path, config: str, path: str, who: str | None, *options: str) -> str:
    """What it says. The document comes as a file, else it leaves out the operation that gives the document.

    who: whose token; None: nobody asks.
    """
    document = folder / "document.json"
    with urlopen(site.url + path) as answer:  # noqa: S310  (our own server)
        document.write_text(json.dumps(_without_most(json.load(answer))), encoding="utf-8")
    bearer = () if who is None else ("--header", f"Authorization: Bearer {site.tokens[who]}")
    base = path.removesuffix("/openapi.json").removesuffix("/api")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / config), "--no-color"),
        *("run", str(document), "--url", site.url + base, *bearer, *options),
        *("--continue-on-failure", "--warnings", "off"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    return done.stdout


def _without_most(document: Any) -> Any:
    """A limit above the maximum "SHALL NOT result in an error" (17-069r4, 7.15.2): any number from 1 on is good."""
    limit = document["components"].get("parameters", {}).get("limit")
    if limit is not None:
        del limit["schema"]["maximum"]
    return document


def _no_operation_is_left_out(said: str) -> None:
    selected = re.search(r"Selected: (\d+)/(\d+)", said)
    tested = re.search(r"Tested: (\d+)", said)
    assert selected, said
    assert tested, said
    assert selected[1] == selected[2] == tested[1]


def _nothing_broke(site: Site) -> None:
    """No 500, not even one that was not looked at."""
    log = site.log.read_text("utf-8", "replace")
    assert "status=500" not in log
    assert "Traceback" not in log


@pytest.mark.slow
def test_the_api_does_what_its_document_says(site: Site, tmp_path: Path) -> None:
    _no_operation_is_left_out(_run(site, tmp_path, "schemathesis.toml", API, "coordinator"))
    _nothing_broke(site)


@pytest.mark.slow
def test_ogc_api_features_does_what_its_document_says(site: Site, tmp_path: Path) -> None:
    _no_operation_is_left_out(_run(site, tmp_path, "schemathesis-ogc.toml", OGC, "planner"))
    _nothing_broke(site)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "path", "who"),
    [("schemathesis.toml", API, "agent"), ("schemathesis.toml", API, None), ("schemathesis-ogc.toml", OGC, "partner")],
)
def test_it_does_so_for_whoever_asks(site: Site, tmp_path: Path, config: str, path: str, who: str | None) -> None:
    """One or two requests an operation: what differs between roles is what they may, not what can be written."""
    _no_operation_is_left_out(_run(site, tmp_path, config, path, who, "--phases", "examples,fuzzing", "-n", "1"))
    _nothing_broke(site)
