"""RESULTS.md, a section a benchmark: a run replaces what it measured and leaves the rest as it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Line

_TITLE = "# Results\n\nCommand: `make bench` (or `python -m benchmarks --only NAME`). How and what: README.md.\n"
_COLUMNS = "| what | ours | peer | ratio | target | met | note |\n|---|---|---|---|---|---|---|"
_MEASURED = re.compile(r"^Measured (?P<begun>[^\s;]+)", re.MULTILINE)


def now() -> str:
    """This second in UTC, as the file has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Run:
    """One run of one benchmark. begun: its first second; busy: the load average before it; among_others: lines of an
    earlier run that this one did not measure stay in the section.
    """

    name: str
    begun: str
    busy: float
    among_others: bool = False


def write(file: Path, machine: str, run: Run, lines: list[Line]) -> None:
    """Put the lines into the file, made when it is not there. machine: what the figures were measured on and with."""
    before = _read(file)[1].get(run.name, "") if run.among_others else ""
    put(file, run.name, _section(run, lines, before), f"{_TITLE}\n{machine}")


def put(file: Path, name: str, body: str, head: str | None = None) -> None:
    """Put a section into the file instead of the one of that name. head: what stands above all sections from now on."""
    before, sections = _read(file)
    sections[name] = body
    texts = [head or before, *(f"## {name}\n\n{body.strip()}\n" for name, body in sections.items())]
    file.write_text("\n".join(texts), encoding="utf-8")


def _read(file: Path) -> tuple[str, dict[str, str]]:
    """What stands above the sections, and their texts."""
    head, *parts = (file.read_text(encoding="utf-8") if file.exists() else _TITLE).split("\n## ")
    return head, {name: body for name, _, body in (part.partition("\n") for part in parts)}


def _section(run: Run, lines: list[Line], before: str) -> str:
    rows = {row.split(" | ")[0]: row for row in before.splitlines() if row.startswith("| ")}
    rows.pop("| what", None)
    for line in lines:
        cells = (line.what, line.ours, line.peer, f"{line.ratio:.2f}", line.target, line.met, line.note)
        rows[f"| {line.what}"] = f"| {' | '.join(cells)} |"
    earlier = _MEASURED.search(before)
    begun = min(run.begun, earlier["begun"]) if earlier else run.begun
    measured = f"Measured {begun} to {now()}; load average before the run: {run.busy:.1f}."
    return "\n".join((measured, "", _COLUMNS, *rows.values()))
