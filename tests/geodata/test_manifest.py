"""The manifest against the readers and the files that are shipped."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import geodata
from geodata.formats import DATASETS, addresses, communes, gtfs, iris, qpv, residences, schools
from geodata.formats.columns import Columns
from geodata.manifest import Shipped, Source, load_manifest

MANIFEST = load_manifest()
READERS: dict[str, tuple[Columns, ...]] = {
    "commune": (communes.COMMUNES,),
    "neighbourhood": (communes.NEIGHBOURHOODS,),
    "iris": (iris.COLUMNS,),
    "qpv": (qpv.COLUMNS,),
    "gtfs": (gtfs.STOPS, gtfs.ROUTES),
    "residence": (residences.COLUMNS,),
    "addresses": (addresses.BAN,),
    "school": (schools.COLUMNS,),
}


@pytest.mark.parametrize("source", MANIFEST.sources, ids=lambda source: source.id)
def test_the_columns_of_each_source_satisfy_its_reader(source: Source) -> None:
    assert all(columns.fits(source.columns) for columns in READERS[source.dataset])


@pytest.mark.parametrize("source", MANIFEST.sources, ids=lambda source: source.id)
def test_the_reader_knows_each_column_of_the_source(source: Source) -> None:
    known = {
        spelling
        for columns in READERS[source.dataset]
        for spellings in [*columns.required.values(), *columns.optional.values()]
        for spelling in spellings
    }
    assert {column.lower() for column in source.columns} <= known


@pytest.mark.parametrize("source", MANIFEST.sources, ids=lambda source: source.id)
def test_each_source_says_who_and_under_which_licence(source: Source) -> None:
    assert all((source.publisher, source.licence, source.title, source.crs, source.date, source.formats))
    assert source.url.startswith("https://")


def test_every_dataset_has_a_source() -> None:
    named = {source.dataset for source in MANIFEST.sources}
    assert set(DATASETS) - {"stop", "line"} <= named
    assert len({source.id for source in MANIFEST.sources}) == len(MANIFEST.sources)


@pytest.mark.parametrize("shipped", MANIFEST.shipped, ids=lambda shipped: shipped.file)
def test_what_is_shipped_is_what_the_manifest_says(shipped: Shipped) -> None:
    content = (Path(geodata.__file__).parent / shipped.file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == shipped.sha256


def test_everything_shipped_is_in_the_manifest() -> None:
    folder = Path(geodata.__file__).parent
    found = {
        str(file.relative_to(folder)) for file in folder.rglob("*.*") if file.suffix in {".csv", ".geojson", ".gpkg"}
    }
    assert found == {shipped.file for shipped in MANIFEST.shipped}
