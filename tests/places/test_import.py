"""Imports into real PostGIS: idempotence, new editions, closing, all or nothing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.errors import GeodataError
from app.places.actions import import_places, seed_approximate
from app.places.territory import territory

pytestmark = pytest.mark.usefixtures("clean")

Square = tuple[str, str, float, float]
AMIENS: Square = ("80021", "Amiens", 2.25, 49.85)
RIVERY: Square = ("80674", "Rivery", 2.35, 49.85)
CAMON: Square = ("80164", "Camon", 2.45, 49.85)


def _square(lon: float, lat: float, side: float = 0.1) -> dict[str, Any]:
    ring = [[lon, lat], [lon + side, lat], [lon + side, lat + side], [lon, lat + side], [lon, lat]]
    return {"type": "Polygon", "coordinates": [ring]}


def _collection(features: list[dict[str, Any]]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


def _communes(path: Path, *squares: Square) -> Path:
    path.write_text(
        _collection(
            [
                {"type": "Feature", "properties": {"code": code, "nom": name}, "geometry": _square(lon, lat)}
                for code, name, lon, lat in squares
            ]
        )
    )
    return path


def _open(engine: Engine, kind: str) -> dict[str, str]:
    asked = text("SELECT code, name FROM place WHERE kind = :kind AND closed_at IS NULL ORDER BY code")
    with engine.connect() as connection:
        return {row.code: row.name for row in connection.execute(asked, {"kind": kind})}


def _snapshot(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT place.*, ST_AsText(geom_4326) FROM place ORDER BY id")))


def _counts(result: Any) -> tuple[int, ...]:
    return (result.read, result.added, result.updated, result.unchanged, result.closed, len(result.refused))


def test_the_same_file_twice_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    file = _communes(tmp_path / "a.geojson", AMIENS, RIVERY)
    first = import_places(engine, "commune", file)
    before = _snapshot(engine)
    second = import_places(engine, "commune", file)
    assert _counts(first) == (2, 2, 0, 0, 0, 0)
    assert _counts(second) == (2, 0, 0, 2, 0, 0)
    assert _snapshot(engine) == before


def test_a_newer_edition_updates_adds_and_closes(engine: Engine, tmp_path: Path) -> None:
    import_places(engine, "commune", _communes(tmp_path / "2018.geojson", AMIENS, RIVERY))
    renamed: Square = ("80021", "Amiens-Nouveau", 2.25, 49.85)
    result = import_places(engine, "commune", _communes(tmp_path / "2025.geojson", renamed, CAMON))
    assert _counts(result) == (2, 1, 1, 0, 1, 0)
    assert _open(engine, "commune") == {"80021": "Amiens-Nouveau", "80164": "Camon"}
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM place WHERE code = '80674'")) == 1


def test_what_comes_back_is_reopened_under_its_id(engine: Engine, tmp_path: Path) -> None:
    both = _communes(tmp_path / "both.geojson", AMIENS, RIVERY)
    import_places(engine, "commune", both)
    ids = [row.id for row in _snapshot(engine)]
    import_places(engine, "commune", _communes(tmp_path / "one.geojson", AMIENS))
    result = import_places(engine, "commune", both)
    assert (result.updated, result.reopened, result.unchanged) == (1, 1, 1)
    assert [row.id for row in _snapshot(engine)] == ids
    assert set(_open(engine, "commune")) == {"80021", "80674"}


def test_a_moved_border_is_an_update(engine: Engine, tmp_path: Path) -> None:
    import_places(engine, "commune", _communes(tmp_path / "a.geojson", AMIENS))
    moved = import_places(engine, "commune", _communes(tmp_path / "b.geojson", ("80021", "Amiens", 2.2501, 49.85)))
    assert (moved.updated, moved.unchanged) == (1, 0)


def test_only_leaves_the_other_communes_as_they_are(engine: Engine, tmp_path: Path) -> None:
    import_places(engine, "commune", _communes(tmp_path / "a.geojson", AMIENS, RIVERY))
    result = import_places(engine, "commune", _communes(tmp_path / "b.geojson", AMIENS, CAMON), only=["80021"])
    assert (result.read, result.skipped, result.closed) == (2, 1, 0)
    assert set(_open(engine, "commune")) == {"80021", "80674"}


def test_another_source_closes_nothing_of_this_one(engine: Engine, tmp_path: Path) -> None:
    import_places(engine, "commune", _communes(tmp_path / "a.geojson", AMIENS), source="a")
    result = import_places(engine, "commune", _communes(tmp_path / "b.geojson", RIVERY), source="b")
    assert result.closed == 0
    assert set(_open(engine, "commune")) == {"80021", "80674"}


def test_a_file_of_elsewhere_does_not_close_a_whole_source(engine: Engine, tmp_path: Path) -> None:
    many: list[Square] = [(f"80{number:03}", f"C{number}", 2.0, 49.0) for number in range(100, 130)]
    import_places(engine, "commune", _communes(tmp_path / "somme.geojson", *many))
    elsewhere = _communes(tmp_path / "oise.geojson", ("60057", "Beauvais", 2.0, 49.4))
    with pytest.raises(GeodataError, match=r"would close 30 of the 30 open places.*--source"):
        import_places(engine, "commune", elsewhere)
    assert len(_open(engine, "commune")) == 30
    assert import_places(engine, "commune", elsewhere, close_many=True).closed == 30


def test_a_row_refused_in_a_new_edition_is_not_closed(engine: Engine, tmp_path: Path) -> None:
    import_places(engine, "commune", _communes(tmp_path / "a.geojson", AMIENS, RIVERY))
    broken = tmp_path / "b.geojson"
    broken.write_text(
        _collection(
            [
                {"type": "Feature", "properties": {"code": "80021", "nom": "Amiens"}, "geometry": _square(2.25, 49.85)},
                {"type": "Feature", "properties": {"code": "80674", "nom": "Rivery"}, "geometry": None},
            ]
        )
    )
    result = import_places(engine, "commune", broken)
    assert [(row.row, row.code, row.reason) for row in result.refused] == [(2, "80674", "no readable geometry")]
    assert set(_open(engine, "commune")) == {"80021", "80674"}


def test_a_code_twice_in_one_file_is_refused_the_second_time(engine: Engine, tmp_path: Path) -> None:
    file = _communes(tmp_path / "a.geojson", AMIENS, ("80021", "Autre", 2.3, 49.9))
    result = import_places(engine, "commune", file)
    assert [(row.row, row.reason) for row in result.refused] == [(2, "80021: the same code as row 1")]
    assert _open(engine, "commune") == {"80021": "Amiens"}


def test_a_code_as_long_as_a_book_is_refused(engine: Engine, tmp_path: Path) -> None:
    file = _communes(tmp_path / "a.geojson", AMIENS, ("8" * 5000, "Long", 2.3, 49.9))
    result = import_places(engine, "commune", file)
    assert [row.row for row in result.refused] == [2]
    assert len(result.refused[0].reason) < 100


def test_two_imports_at_once_wait_for_each_other(engine: Engine, tmp_path: Path) -> None:
    file = _communes(tmp_path / "a.geojson", *[(f"80{number:03}", "X", 2.0, 49.0) for number in range(100, 300)])
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: import_places(engine, "commune", file), range(2)))
    assert sorted(result.added for result in results) == [0, 200]
    assert sorted(result.unchanged for result in results) == [0, 200]


def test_an_import_that_breaks_in_the_middle_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    seed_approximate(engine)
    before = _snapshot(engine)
    file = _communes(tmp_path / "a.geojson", *[(f"80{number:03}", "X", 2.0, 49.0) for number in range(100, 300)])

    def pull_the_plug(done: int, _total: int | None) -> None:
        if done >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_places(engine, "commune", file, progress=pull_the_plug)
    assert _snapshot(engine) == before
    with engine.connect() as connection:
        assert (
            connection.scalar(text("SELECT count(*) FROM geodata_import WHERE source <> 'quietude-approximate'")) == 0
        )
    assert import_places(engine, "commune", file).added == 200


def test_a_breaking_constraint_leaves_nothing(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.places import store

    def fail(*_args: object, **_kwargs: object) -> int:
        raise RuntimeError("after the upsert")

    monkeypatch.setattr(store, "close_vanished", fail)
    with pytest.raises(RuntimeError):
        import_places(engine, "commune", _communes(tmp_path / "a.geojson", AMIENS))
    assert _snapshot(engine) == []


def test_names_and_attributes_reach_the_table_as_they_are(engine: Engine, tmp_path: Path) -> None:
    odd = 'L’Étoile \\ <b>"x"</b>\tÉ\\N; DROP TABLE place'
    import_places(engine, "commune", _communes(tmp_path / "a.geojson", ("80021", odd, 2.25, 49.85)))
    assert _open(engine, "commune") == {"80021": odd.replace("\t", " ")}


def test_progress_counts_up_to_the_total(engine: Engine, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    file = _communes(tmp_path / "a.geojson", *[(f"80{number:03}", "X", 2.0, 49.0) for number in range(100, 220)])
    import_places(engine, "commune", file, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (120, 120)
    assert len(seen) >= 3


def test_the_log_says_what_was_done(engine: Engine, tmp_path: Path) -> None:
    import_places(engine, "commune", _communes(tmp_path / "a.geojson", AMIENS), edition="2018")
    with engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM geodata_import")).one()
    assert (row.kind, row.source, row.edition, row.rows_read, row.rows_added) == (
        "commune", "ign-admin-express", "2018", 1, 1,
    )  # fmt: skip
    assert len(row.sha256) == 64


# ── the territory ───────────────────────────────────────────────────────────────────────────────────────────────────


def _territory_names(engine: Engine) -> tuple[str, ...]:
    with engine.connect() as connection:
        return territory(connection).names


def test_territory_marks_these_communes_and_no_others(engine: Engine, tmp_path: Path) -> None:
    seed_approximate(engine)
    file = _communes(tmp_path / "a.geojson", RIVERY, CAMON)
    import_places(engine, "commune", file, territory=True, only=["80164"])
    assert _territory_names(engine) == ("Camon",)
    import_places(engine, "commune", file, add_territory=True, only=["80674"])
    assert set(_territory_names(engine)) == {"Camon", "Rivery"}


def test_official_communes_replace_the_drawing_and_keep_the_territory(engine: Engine, tmp_path: Path) -> None:
    seed_approximate(engine)
    import_places(engine, "commune", _communes(tmp_path / "a.geojson", AMIENS, RIVERY))
    assert _territory_names(engine) == ("Amiens",)
    with engine.connect() as connection:
        assert territory(connection).covers(2.34, 49.94)
        assert connection.scalar(text("SELECT count(*) FROM place WHERE kind = 'commune' AND approximate")) == 0


def test_official_communes_without_amiens_leave_the_drawn_territory(engine: Engine, tmp_path: Path) -> None:
    seed_approximate(engine)
    import_places(engine, "commune", _communes(tmp_path / "a.geojson", RIVERY))
    assert _territory_names(engine) == ("Amiens",)


def test_an_import_never_leaves_no_territory(engine: Engine, tmp_path: Path) -> None:
    import_places(engine, "commune", _communes(tmp_path / "a.geojson", AMIENS), territory=True)
    with pytest.raises(GeodataError, match="would leave no territory"):
        import_places(engine, "commune", _communes(tmp_path / "b.geojson", RIVERY))
    assert _territory_names(engine) == ("Amiens",)


def test_official_neighbourhoods_close_the_approximate_ones(engine: Engine, tmp_path: Path) -> None:
    seed_approximate(engine)
    approximate = len(_open(engine, "neighbourhood"))
    file = tmp_path / "q.geojson"
    properties = {"nom": "Saint-Leu", "code": "Q1"}
    file.write_text(
        _collection([{"type": "Feature", "properties": properties, "geometry": _square(2.29, 49.89, 0.01)}])
    )
    result = import_places(engine, "neighbourhood", file)
    assert result.closed == approximate
    assert _open(engine, "neighbourhood") == {"Q1": "Saint-Leu"}
    seed_approximate(engine)
    assert _open(engine, "neighbourhood") == {"Q1": "Saint-Leu"}


# ── what is asked must make sense ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("planet", {}, "unknown kind"),
        ("gtfs", {"only": ["80021"]}, "do not say their commune"),
        ("commune", {"only": ["8002"]}, "not an INSEE code"),
        ("stop", {"territory": True}, "only communes"),
        ("iris", {"addresses": Path("x.csv")}, "only helps to place residences"),
        ("commune", {"source": "quietude-approximate"}, "not by our own name"),
        ("commune", {"source": "a\nb"}, "a source is named"),
    ],
)
def test_senseless_requests_are_refused(
    engine: Engine, tmp_path: Path, kind: str, options: dict[str, Any], message: str
) -> None:
    file = _communes(tmp_path / "a.geojson", AMIENS)
    with pytest.raises(GeodataError, match=message):
        import_places(engine, kind, file, **options)
    assert _snapshot(engine) == []


def test_a_missing_file_and_an_odd_scheme_are_one_line(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(GeodataError, match="there is no such file"):
        import_places(engine, "commune", tmp_path / "none.geojson")
    with pytest.raises(GeodataError, match="only http:// and https://"):
        import_places(engine, "commune", "file:///etc/passwd")


def test_nothing_usable_changes_nothing_and_says_why(engine: Engine, tmp_path: Path) -> None:
    seed_approximate(engine)
    before = _snapshot(engine)
    file = _communes(tmp_path / "a.geojson", ("", "Nulle part", 2.25, 49.85))
    with pytest.raises(GeodataError, match="nothing usable in it; the first refusal: no code") as caught:
        import_places(engine, "commune", file)
    assert len(caught.value.refused) == 1
    assert _snapshot(engine) == before
