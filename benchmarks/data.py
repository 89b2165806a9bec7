"""Seeded synthetic reports: the same seed gives the same rows. Nothing here was ever observed by anybody."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from app.places.lattice import cells_of

SEED = 20_260_501
# A box around Amiens, inside the shipped outline's middle: (west, south, east, north) in degrees.
BOX_LON_LAT = (2.262, 49.868, 2.330, 49.915)
FIRST_DAY_US = 1_735_689_600_000_000  # 2025-01-01T00:00:00Z
YEAR_US = 365 * 86_400 * 1_000_000
BATCH = 100_000
SENTENCES = (
    "",
    "Benne pleine depuis hier, sacs posés à côté.",
    'Panneau "stationnement interdit" couché sur le trottoir.',
    "Éclairage en panne devant l’arrêt, trois mâts de suite.",
    "Encombrants : un matelas, deux chaises, une étagère.\nPassage gêné pour les poussettes.",
)


@dataclass(frozen=True)
class Dimensions:
    """Keys of the small tables that the reports point to."""

    categories: list[tuple[str, str]]
    organisations: list[int]
    neighbourhoods: list[int]


_COLUMNS = (
    "id, category_code, geom_4326, cell_25m, severity, state, visibility, observed_at, received_at, due_at,"
    " description, organisation_id, reporter_organisation_id, neighbourhood_id, source, is_synthetic"
)
_STATES = ("new", "acknowledged", "assigned", "in_progress", "resolved", "verified", "rejected")


def read_dimensions(connection: Connection) -> Dimensions:
    """Whatever the seeded database has."""
    rows = connection.execute(text("SELECT code, visibility FROM category ORDER BY code"))
    organisations = connection.scalars(text("SELECT id FROM organisation ORDER BY id"))
    places = connection.scalars(text("SELECT id FROM place WHERE kind = 'neighbourhood' ORDER BY id"))
    return Dimensions([(row.code, row.visibility) for row in rows], list(organisations), list(places))


def fill_reports(superuser_url: str, rows: int) -> None:
    """Bring the table to `rows` reports: COPY as the superuser, foreign keys not checked again (they are right)."""
    engine = create_engine(superuser_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        dimensions = read_dimensions(connection)
        held = connection.scalar(text("SELECT count(*) FROM report")) or 0
        cursor = connection.connection.cursor()
        for first in range(held, rows, BATCH):
            lines = _lines(first, min(BATCH, rows - first), dimensions)
            cursor.copy_expert(f"COPY report ({_COLUMNS}) FROM STDIN", lines)
            print(f"    {min(first + BATCH, rows):,} reports", flush=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE, FREEZE) report"))


def random_points(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes in the box, half of them around forty hot spots, at seven decimals."""
    west, south, east, north = BOX_LON_LAT
    spots = rng.uniform((west, south), (east, north), (40, 2))[rng.integers(0, 40, count)]
    around = spots + rng.normal(0, (0.0015, 0.001), (count, 2))
    even = rng.uniform((west, south), (east, north), (count, 2))
    chosen = np.where(rng.random((count, 1)) < 0.5, around, even)
    chosen = np.clip(chosen, (west, south), (east, north)).round(7)
    return chosen[:, 0], chosen[:, 1]


def _lines(first: int, count: int, dimensions: Dimensions) -> io.StringIO:
    """One batch in the text format of COPY."""
    rng = np.random.default_rng((SEED, first))
    lon, lat = random_points(rng, count)
    cells = cells_of(lon, lat)
    ids = rng.bytes(16 * count).hex()
    observed_us = FIRST_DAY_US + rng.integers(0, YEAR_US // 1_000_000, count) * 1_000_000
    lengths = {
        "category": len(dimensions.categories),
        "organisation": len(dimensions.organisations),
        "neighbourhood": len(dimensions.neighbourhoods),
        "state": len(_STATES),
        "sentence": len(SENTENCES),
    }
    picks = {name: rng.integers(0, max(length, 1), count) for name, length in lengths.items()}
    severity = rng.integers(1, 5, count)
    out = io.StringIO()
    moments = [_moments(int(us)) for us in observed_us]
    for i in range(count):
        code, visibility = dimensions.categories[picks["category"][i]]
        organisation = _key(dimensions.organisations, int(picks["organisation"][i]))
        neighbourhood = _key(dimensions.neighbourhoods, int(picks["neighbourhood"][i]))
        sentence = SENTENCES[picks["sentence"][i]].replace("\n", "\\n") or "\\N"
        observed, received, due = moments[i]
        out.write(
            f"{ids[32 * i : 32 * i + 32]}\t{code}\tSRID=4326;POINT({lon[i]:.7f} {lat[i]:.7f})\t{cells[i]}\t"
            f"{severity[i]}\t{_STATES[picks['state'][i]]}\t{visibility}\t{observed}\t{received}\t{due}\t"
            f"{sentence}\t{organisation}\t{organisation}\t{neighbourhood}\tbenchmark\tt\n"
        )
    out.seek(0)
    return out


def _key(keys: list[int], position: int) -> str:
    return str(keys[position]) if keys else "\\N"


def _moments(observed_us: int) -> tuple[str, str, str]:
    """observed_at, received_at (40 s later), due_at (three days later)."""
    observed = np.datetime64(observed_us, "us")
    return tuple(f"{observed + np.timedelta64(s, 's')}Z" for s in (0, 40, 259_200))  # type: ignore[return-value]
