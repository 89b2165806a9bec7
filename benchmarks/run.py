"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

# Also as a plain script: `python benchmarks/run.py`.
sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import bulk, desk, export, form, heat, map_page, mvt, peers, results, submit
from benchmarks.measure import Line
from benchmarks.register import Register, running_register

HERE = Path(__file__).parent
# Above this, somebody else works on the machine too.
IDLE_LOAD = 0.7
Bench = Callable[[Register, list[int]], Iterator[Line]]
# The form and submit come first: into a small register, as it is on the first days. The map grows it step by step.
BENCHES: dict[str, Bench] = {
    "form": form.run,
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
    parser.add_argument(
        "--part", choices=export.PARTS, action="append", help="of export, just this (repeated: these); the rest stays"
    )
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    asked = parser.parse_args()
    benches = BENCHES | ({"export": partial(export.run, parts=asked.part)} if asked.part else {})
    # A run that is stopped still stops its servers and its cluster.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    busy = os.getloadavg()[0]
    if busy > IDLE_LOAD:
        print(f"this machine is busy (load {busy:.1f}): expect noise; the table will say so", flush=True)
    with running_register() as register:
        for name in asked.only or list(benches):
            print(f"{name} …", flush=True)
            run = results.Run(name, results.now(), busy, among_others=bool(asked.part))
            lines: list[Line] = []
            for line in benches[name](register, asked.rows or [100_000, 1_000_000]):
                print(
                    f"  {line.what}: {line.ours} | {line.peer} | {line.ratio:.2f} {line.target} {line.met}", flush=True
                )
                lines.append(line)
                if not asked.dry:
                    results.write(HERE / "RESULTS.md", _machine(), run, lines)
    if not asked.dry:
        print("written: benchmarks/RESULTS.md")


def _machine() -> str:
    return f"Machine: {_hardware()}\n\nVersions: {_versions()}\n"


def _hardware() -> str:
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
