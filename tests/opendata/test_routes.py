"""The page, the files and the catalogue over HTTP, to nobody in particular; the catalogue is what DCAT-AP asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import DCAT, DCTERMS, FOAF, RDF
from rdflib.term import Node
from sqlalchemy import Engine, text

from app import create_app
from app.db.session import unit_of_work
from app.opendata.actions import Keeper
from app.people.actor import SYSTEM
from app.settings import load_settings
from app.web.context import services

# Of the reader of JSON-LD in rdflib 7.6, about itself.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
NOW = datetime(2026, 7, 10, 8, 0, tzinfo=UTC)
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
BASE = "https://quietude.example"
DATASET = URIRef(f"{BASE}/donnees-ouvertes#dataset")
CATALOGUE = URIRef(f"{BASE}/opendata/catalog")
KINDS = {"ttl": "text/turtle", "rdf": "application/rdf+xml", "jsonld": "application/ld+json"}
_FILL = text("""
    INSERT INTO place (kind, code, name, geom_4326, source, is_territory) VALUES
        ('neighbourhood', 'A', '</script><script>alert(1)</script>', ST_MakeEnvelope(2.2, 49.8, 2.4, 50, 4326), 'test',
            false),
        ('commune', '80021', 'Amiens', ST_MakeEnvelope(2.2, 49.8, 2.4, 50, 4326), 'test', true);
    INSERT INTO report (id, category_code, geom_4326, cell_25m, severity, visibility, observed_at, received_at,
        neighbourhood_id, source)
    SELECT gen_random_uuid(), 'overflowing_bin', ST_SetSRID(ST_MakePoint(2.3, 49.9), 4326), 1, 2, 'public', at, at,
        (SELECT id FROM place WHERE code = 'A'), 'test'
    FROM generate_series(1, 21) AS number, LATERAL (SELECT timestamptz '2026-05-04 10:00Z' AS at) AS moment
""")


def _application(app_url: str, var_dir: Path) -> Flask:
    values = {
        "DATABASE_URL": app_url, "VAR_DIR": str(var_dir), "SECRET_KEY": "a-key-for-tests-only", "DEMO": "0",
        "PUBLIC_URL": BASE, "PUBLISHER": "Ville d'Amiens", "PUBLISHER_MAIL": "donnees@amiens.example",
    }  # fmt: skip
    made = create_app(load_settings({f"QUIETUDE_{name}": value for name, value in values.items()}))
    made.config.update(TESTING=True, RATELIMIT_ENABLED=False)
    made.extensions["quietude_opendata"] = Keeper(made.extensions["quietude"].engine, 5, now=lambda: NOW)
    return made


@pytest.fixture
def client(engine: Engine, clean: None, app_url: str, tmp_path: Path) -> Iterator[FlaskClient]:
    """Nobody signed in, before a register with twenty-one reports of one place and month."""
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(_FILL)
    made = _application(app_url, tmp_path / "var")
    yield made.test_client()
    with made.app_context():
        services().engine.dispose()


def read(client: FlaskClient, ending: str) -> Graph:
    answer = client.get(f"/opendata/catalog.{ending}")
    assert answer.status_code == 200
    assert answer.mimetype == KINDS[ending]
    return Graph().parse(data=answer.data, format=KINDS[ending])


def one(graph: Graph, subject: Node, predicate: URIRef) -> Node:
    values = list(graph.objects(subject, predicate))
    assert len(values) == 1, (predicate, values)
    return values[0]


def test_the_page_says_what_whose_and_how(client: FlaskClient) -> None:
    answer = client.get("/donnees-ouvertes")

    assert answer.status_code == 200
    page = answer.text
    for said in ("Licence Ouverte", "Ville d&#39;Amiens", "donnees@amiens.example", "1 mai 2026", "31 mai 2026", "20"):
        assert said in page, said
    assert "Données fictives" not in page
    assert "<script>alert" not in page
    for ending, kind in KINDS.items():
        assert f'<link rel="alternate" type="{kind}" href="/opendata/catalog.{ending}"' in page
    found = re.search(r'<script type="application/ld\+json" nonce="[^"]+">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    described = json.loads(found[1])
    assert described["@type"] == "Dataset"
    assert described["temporalCoverage"] == "2026-05-01/2026-05-31"
    assert {one["encodingFormat"] for one in described["distribution"]} == {
        "text/csv", "application/geo+json", "application/json",
    }  # fmt: skip
    assert 'href="/donnees-ouvertes"' in client.get("/accessibility").text


@pytest.mark.parametrize("ending", KINDS)
def test_the_catalogue_has_what_dcat_ap_asks_for(client: FlaskClient, ending: str) -> None:
    graph = read(client, ending)

    # Mandatory and recommended of DCAT-AP 3.0: catalogue, dataset, distribution.
    assert (CATALOGUE, RDF.type, DCAT.Catalog) in graph
    for predicate in (DCTERMS.title, DCTERMS.description):
        for subject in (CATALOGUE, DATASET):
            languages = {str(v.language) for v in graph.objects(subject, predicate) if isinstance(v, Literal)}
            assert languages == {"fr", "en"}
    for subject in (CATALOGUE, DATASET):
        publisher = one(graph, subject, DCTERMS.publisher)
        assert (publisher, RDF.type, FOAF.Agent) in graph
        assert str(one(graph, publisher, FOAF.name)) == "Ville d'Amiens"
    assert one(graph, CATALOGUE, DCAT.dataset) == DATASET
    assert one(graph, CATALOGUE, FOAF.homepage) == URIRef(f"{BASE}/donnees-ouvertes")
    assert (DATASET, RDF.type, DCAT.Dataset) in graph
    assert str(one(graph, DATASET, DCTERMS.identifier)) == "quietude-signalements-quartier-mois-theme"
    contact = one(graph, DATASET, DCAT.contactPoint)
    assert (contact, RDF.type, VCARD.Organization) in graph
    assert one(graph, contact, VCARD.hasEmail) == URIRef("mailto:donnees@amiens.example")
    assert str(one(graph, DATASET, DCTERMS.accrualPeriodicity)).endswith("/frequency/MONTHLY")
    assert {str(v).rsplit("/", 1)[1] for v in graph.objects(DATASET, DCAT.theme)} == {"GOVE", "REGI"}
    assert any(v == Literal("Amiens", lang="fr") for v in graph.objects(DATASET, DCAT.keyword))
    period = one(graph, DATASET, DCTERMS.temporal)
    assert [str(one(graph, period, p)) for p in (DCAT.startDate, DCAT.endDate)] == ["2026-05-01", "2026-05-31"]
    place = one(graph, DATASET, DCTERMS.spatial)
    assert "POLYGON ((2.4 49.8" in str(one(graph, place, DCAT.bbox))
    distributions = list(graph.objects(DATASET, DCAT.distribution))
    assert len(distributions) == 3
    for distribution in distributions:
        assert (distribution, RDF.type, DCAT.Distribution) in graph
        assert one(graph, distribution, DCAT.accessURL) == URIRef(f"{BASE}/donnees-ouvertes")
        licence = one(graph, distribution, DCTERMS.license)
        assert str(licence) == "https://www.etalab.gouv.fr/licence-ouverte-open-licence"
        url = str(one(graph, distribution, DCAT.downloadURL))
        answer = client.get(url.removeprefix(BASE))
        assert str(one(graph, distribution, DCAT.mediaType)).endswith(str(answer.mimetype))
        assert str(one(graph, distribution, DCTERMS["format"])).endswith(f"/file-type/{url.rsplit('.', 1)[1].upper()}")
        assert int(str(one(graph, distribution, DCAT.byteSize))) == len(answer.data)


def test_the_three_forms_are_one_graph(client: FlaskClient) -> None:
    turtle, xml, linked = (read(client, ending) for ending in KINDS)

    assert isomorphic(turtle, xml)
    assert isomorphic(turtle, linked)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "text/turtle"),
        ("text/turtle", "text/turtle"),
        ("application/rdf+xml;q=0.9, text/turtle;q=0.5", "application/rdf+xml"),
        ("application/xml", "application/rdf+xml"),
        ("application/ld+json", "application/ld+json"),
        ("text/html", "text/turtle"),
    ],
)
def test_a_harvester_gets_the_form_that_it_asks_for(client: FlaskClient, accept: str, media_type: str) -> None:
    answer = client.get("/opendata/catalog", headers={"Accept": accept})

    assert answer.mimetype == media_type
    assert "Accept" in answer.headers["Vary"]


def test_the_english_name_leads_to_the_page_or_the_catalogue(client: FlaskClient) -> None:
    assert client.get("/opendata", headers={"Accept": "text/html"}).location == "/donnees-ouvertes"
    assert client.get("/opendata/", headers={"Accept": "text/turtle"}).location == "/opendata/catalog"


@pytest.mark.parametrize("path", ["/opendata/reports.csv", "/opendata/reports.geojson", "/opendata/catalog.ttl"])
def test_files_are_cached_and_open_to_other_pages(client: FlaskClient, path: str) -> None:
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert first.status_code == 200
    assert (again.status_code, again.data) == (304, b"")
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert client.head(path).status_code == 200


@pytest.mark.parametrize("path", ["/opendata/reports.xlsx", "/opendata/catalog.n3"])
def test_other_endings_are_not_there(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})

    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"


def test_synthetic_data_say_so_everywhere(client: FlaskClient, engine: Engine) -> None:
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(
            text("INSERT INTO organisation (slug, name, kind, is_synthetic) VALUES ('demo', 'Démo', 'city', true)")
        )

    assert "Données fictives" in client.get("/donnees-ouvertes").text
    graph = read(client, "ttl")
    titles = {str(v.language): str(v) for v in graph.objects(DATASET, DCTERMS.title) if isinstance(v, Literal)}
    assert titles["fr"].startswith("[Données fictives]")
    assert titles["en"].startswith("[Synthetic data]")
    assert json.loads(client.get("/opendata/reports.json").data)["synthetic"] is True


def test_an_empty_register_has_a_page_and_a_catalogue(client: FlaskClient, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("TRUNCATE report, place CASCADE"))

    page = client.get("/donnees-ouvertes")
    assert page.status_code == 200
    assert "Rien à montrer" in page.text
    graph = read(client, "rdf")
    assert list(graph.objects(DATASET, DCTERMS.temporal)) == []
    assert client.get("/opendata/reports.csv").text.count("\n") == 1


def test_many_requests_ask_the_database_once(client: FlaskClient, engine: Engine) -> None:
    before = client.get("/opendata/reports.csv").data
    with unit_of_work(engine, SYSTEM) as uow:
        uow.connection.execute(text("UPDATE report SET state = 'rejected'"))

    assert client.get("/opendata/reports.csv").data == before
