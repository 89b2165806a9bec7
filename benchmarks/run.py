"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

# Also as a plain script: `python benchmarks/run.py`.
sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import bulk, desk, export, heat, map_page, mvt, peers, submit
from benchmarks.measure import Line
from benchmarks.register import Register, running_register

HERE = Path(__file__).parent
# Above this, somebody else works on the machine too.
IDLE_LOAD = 0.7
Bench = Callable[[Register, list[int]], Iterator[Line]]
# The submit benchmark comes first: into a small register, as it is on the first days. The map grows it step by step.
BENCHES: dict[str, Bench] = {
    "submit": submit.run,
    "bulk": bulk.run,
    "map": map_page.run,
    "export": export.run,
    "heat": heat.run,
    "mvt": mvt.run,
    "desk": desk.run,
}


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", choices=list(BENCHES), action="append", help="just this one (may be repeated)")
    parser.add_argument("--rows", type=int, action="append", help="size of the register (default 100000 and 1000000)")
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    asked = parser.parse_args()
    # A run that is stopped still stops its servers and its cluster.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    lines: dict[str, list[Line]] = {}
    busy = os.getloadavg()[0]
    if busy > IDLE_LOAD:
        print(f"this machine is busy (load {busy:.1f}): expect noise; the table will say so", flush=True)
    with running_register() as register:
        for name in asked.only or list(BENCHES):
            print(f"{name} …", flush=True)
            lines[name] = []
            for line in BENCHES[name](register, asked.rows or [100_000, 1_000_000]):
                print(
                    f"  {line.what}: {line.ours} | {line.peer} | {line.ratio:.2f} {line.target} {line.met}", flush=True
                )
                lines[name].append(line)
                if not asked.dry:
                    _write({name: lines[name]}, busy)
    if not asked.dry:
        print("written: benchmarks/RESULTS.md, benchmarks/out/results.json")


def _write(lines: dict[str, list[Line]], busy: float) -> None:
    """Lines of an earlier run stay where this run measured nothing."""
    out = HERE / "out"
    out.mkdir(exist_ok=True)
    kept_file = out / "results.json"
    kept = json.loads(kept_file.read_text(encoding="utf-8")) if kept_file.exists() else {}
    for name, measured in lines.items():
        at = datetime.now(UTC).isoformat(timespec="seconds")
        kept[name] = {"at": at, "load": round(busy, 1), "lines": [asdict(line) for line in measured]}
    kept_file.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (HERE / "RESULTS.md").write_text(_markdown(kept), encoding="utf-8")


def _markdown(kept: dict[str, dict[str, object]]) -> str:
    parts = ["# Results\n", "Command: `make bench` (or `python -m benchmarks --only NAME`). How and what: README.md.\n"]
    parts.append(f"Machine: {_machine()}\n")
    parts.append(f"Versions: {_versions()}\n")
    for name in BENCHES:
        if name not in kept:
            continue
        parts.append(
            f"\n## {name}\n\nMeasured {kept[name]['at']}; load average before the run: {kept[name]['load']}.\n"
        )
        parts.append("| what | ours | peer | ratio | target | met | note |\n|---|---|---|---|---|---|---|")
        for values in kept[name]["lines"]:  # type: ignore[attr-defined]
            line = Line(**values)
            cells = (line.what, line.ours, line.peer, f"{line.ratio:.2f}", line.target, line.met, line.note)
            parts.append(f"| {' | '.join(cells)} |")
    return "\n".join(parts) + "\n"


def _machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
         if line.startswith("model name")),
        platform.machine(),
    )  # fmt: skip
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{os.cpu_count()} cores ({model}), {memory_gb:.0f} GB, {platform.system()} {platform.release()}"


def _versions() -> str:
    server = subprocess.run(["psql", "--version"], check=True, capture_output=True, text=True).stdout.split()[2]
    named = {"Python": platform.python_version(), "PostgreSQL": server}
    if peers.VENV.exists():
        named |= peers.versions()
    return ", ".join(f"{name} {version}" for name, version in named.items())


if __name__ == "__main__":
    main()
