"""The heat engine's own speed, memory and exactness, side by side with its floor and with its peers: processor time."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from app.heat.keeper import CubeKeeper
from app.heat.points import Points, points_of
from app.heat.surface import density
from app.heat.tiles import pixel_places
from benchmarks.heat_floor import BANDWIDTH_M, Ours, first_floor, floor_of, synthetic_rows
from benchmarks.measure import Line
from benchmarks.peers import REQUIREMENTS, VENV
from benchmarks.register import Register

MILLION = 1_000_000
ROUNDS = 15
FEW = 10_000
GRID = 128
Tile = tuple[int, int, int]
Timed = Callable[[], float]


def run(register: Register, tile: Tile) -> Iterator[Line]:
    """The lines of issue 3, in memory: no HTTP, no database."""
    kept = CubeKeeper(register.engine).current()
    engines = {n: Ours(synthetic_rows(n, kept.nomenclature), kept.nomenclature, kept.reference)
               for n in (10_000, MILLION, 10 * MILLION)}  # fmt: skip
    yield from _against_floor(engines[MILLION], tile)
    yield from _by_size(engines, tile)
    with _peer(engines[MILLION], tile) as (ask, folder):
        yield from _against_peers(engines[MILLION], tile, ask, folder)


def _medians(works: Mapping[str, Timed], rounds: int = ROUNDS) -> dict[str, float]:
    """In turn, one round before to warm up; times of a few milliseconds are not printed."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            taken = work()
            if turn:
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


def _timed(work: Callable[[], object]) -> Timed:
    """The processor's time, not the clock's: what others do on the machine then hardly counts."""

    def timed() -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    return timed


def _ms(value: float) -> str:
    return f"{1000 * value:.1f} ms" if value < 1 else f"{value:.2f} s"


def _line(what: str, ours: float, peer: float, target: str = "", note: str = "") -> Line:
    """A ratio ours ÷ peer."""
    return Line(what, _ms(ours), _ms(peer), ours / peer, target, note)


def _against_floor(ours: Ours, tile: Tile) -> Iterator[Line]:
    floor = floor_of(ours)
    smooth = floor.smoothed(0)
    ours.later(tile)
    found = _medians({
        "first": _timed(lambda: ours.first(tile)),
        "first floor": _timed(first_floor(floor, tile)),
        "later": _timed(lambda: ours.later(tile)),
        "later floor": _timed(lambda: floor.drawn(smooth, tile)),
    })  # fmt: skip
    steps = "filter + bincount, gaussian_filter, resample, encode"
    yield _line(f"first tile of a new filter, {MILLION:,} reports ÷ its floor", found["first"], found["first floor"],
                "≤ 1.5", f"floor: {steps}; ours also has offsets, border, key and cache")  # fmt: skip
    yield _line("later tile of the same filter ÷ resample + encode", found["later"], found["later floor"], "≤ 1.3")


def _by_size(engines: Mapping[int, Ours], tile: Tile) -> Iterator[Line]:
    small, middle, large = engines.values()
    for engine in engines.values():
        engine.later(tile)
    found = _medians({
        "middle": _timed(lambda: middle.first(tile)),
        "large": _timed(lambda: large.first(tile)),
        "later small": _timed(lambda: small.later(tile)),
        "later large": _timed(lambda: large.later(tile)),
    }, 7)  # fmt: skip
    yield _line("first tile at 10,000,000 ÷ at 1,000,000", found["large"], found["middle"], "≤ 12")
    yield _line("later tile at 10,000,000 ÷ at 10,000", found["later large"], found["later small"], "≤ 1.2")
    rows = large.kept.rows
    size = rows.nbytes / len(rows)
    yield Line("bytes a report in the cube ÷ 16", f"{size:.1f}", "16", size / 16, "≤ 1")


@contextmanager
def _peer(ours: Ours, tile: Tile) -> Iterator[tuple[Callable[[str], float], Path]]:
    """The peers' process; `ask` runs a piece of work there and gives its seconds, measured there."""
    if not list(VENV.glob("lib/python*/site-packages/KDEpy")):
        print("  installing the peers into benchmarks/.venv-peers …", flush=True)
        if not VENV.exists():
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([str(VENV / "bin" / "pip"), "install", "-q", "-r", str(REQUIREMENTS)], check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _save(ours, tile, folder)
        program = [str(VENV / "bin" / "python"), "-W", "ignore", str(Path(__file__).with_name("heat_peer.py"))]
        with subprocess.Popen(
            [*program, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.readline()

            def ask(what: str) -> float:
                process.stdin.write(f"{what}\n")  # type: ignore[union-attr]
                return float(process.stdout.readline())  # type: ignore[union-attr]

            yield ask, folder
            process.stdin.close()


def _few(ours: Ours) -> Points:
    return points_of(ours.kept.rows.take(slice(0, FEW)), np.ones(FEW, np.bool_))


def _places(points: Points) -> np.ndarray:
    """Where the estimates are compared: a grid over the points, east and north."""
    east, north = points.metres()
    axes = [np.linspace(axis.min(), axis.max(), GRID) for axis in (east, north)]
    return np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)


def _save(ours: Ours, tile: Tile, folder: Path) -> None:
    rows, few = ours.kept.rows, _few(ours)
    east, north = points_of(rows, np.ones(len(rows), np.bool_)).metres()
    places = pixel_places(*tile)
    box = [places[0].min(), places[1].min(), places[0].max(), places[1].max()]
    few_east, few_north = few.metres()
    np.savez(folder / "points.npz", east=east, north=north, few_east=few_east, few_north=few_north,
             at=_places(few), bandwidth=BANDWIDTH_M, box=box)  # fmt: skip


def _direct(points: Points, at: np.ndarray) -> np.ndarray:
    """The exact sum, as a density of probability."""
    east, north = points.metres()
    total = np.zeros(len(at))
    for first in range(0, len(at), 256):
        part = at[first : first + 256]
        squared = (part[:, :1] - east) ** 2 + (part[:, 1:] - north) ** 2
        total[first : first + 256] = np.exp(squared / (-2 * BANDWIDTH_M**2)).sum(1)
    return total / (2 * np.pi * BANDWIDTH_M**2 * len(points))


def _against_peers(ours: Ours, tile: Tile, ask: Callable[[str], float], folder: Path) -> Iterator[Line]:
    rows = ours.kept.rows
    everything = points_of(rows, np.ones(len(rows), np.bool_))
    few = _few(ours)
    at = _places(few)
    found = _medians({
        "first": _timed(lambda: ours.first(tile)),
        "datashader": lambda: ask("datashader"),
        "every": _timed(lambda: density(everything, BANDWIDTH_M)),
        "kdepy_every": lambda: ask("kdepy_every"),
    }, 7)  # fmt: skip
    yield _line(f"first tile of a new filter ÷ one datashader tile, {MILLION:,} points", found["first"],
                found["datashader"], "≤ 1", "datashader: points already in a frame, no filter, no kernel")  # fmt: skip
    yield _line(f"surface of {MILLION:,} points ÷ KDEpy FFTKDE", found["every"], found["kdepy_every"], "",
                f"both to nodes of 25 m, h = {BANDWIDTH_M} m")  # fmt: skip
    yield from _table(few, at, ask, folder)


def _table(few: Points, at: np.ndarray, ask: Callable[[str], float], folder: Path) -> Iterator[Line]:
    """Exactness and speed of the kernel density in one place: 10,000 points at 128 × 128 places."""
    exact = _direct(few, at)

    def estimate() -> np.ndarray:
        values: np.ndarray = density(few, BANDWIDTH_M).at(at[:, 0], at[:, 1]) / (len(few) * 1e6)
        return values

    own_error = np.abs(estimate() - exact).max() / exact.max()
    names = {
        "kdepy_at": "KDEpy FFTKDE on 25 m", "scipy": "scipy gaussian_kde", "sklearn": "scikit-learn KernelDensity",
        "sklearn_tolerant": "scikit-learn KernelDensity, rtol 1 %",
    }  # fmt: skip
    for name, title in names.items():
        ask(f"{name} {name}.npy")
        error = np.abs(np.load(folder / f"{name}.npy") - exact).max() / exact.max()
        found = _medians({"ours": _timed(estimate), "peer": lambda name=name: ask(name)}, 3)  # type: ignore[misc]
        yield _line(f"KDE of {FEW:,} points at {GRID} × {GRID} places ÷ {title}", found["ours"], found["peer"], "",
                    f"greatest error in % of the peak: ours {100 * own_error:.2f}, peer {100 * error:.2f}")  # fmt: skip
    yield Line("greatest error in % of the peak ÷ 1 %", f"{100 * own_error:.2f} %", "1 %", 100 * own_error, "≤ 1")
