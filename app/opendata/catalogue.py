"""The dataset described in DCAT-AP and schema.org, in the form that the harvester of data.gouv.fr reads."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import shapely
from flask_babel import force_locale
from flask_babel import gettext as _
from rdflib import BNode, Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCAT, DCTERMS, FOAF, RDF, XSD
from rdflib.term import Node

from app.opendata.actions import Published
from app.opendata.dataset import Dataset
from app.opendata.formats import COLUMNS, FORMATS, LICENCE, Format

_EU = "http://publications.europa.eu/resource/authority/"
_IANA = "https://www.iana.org/assignments/media-types/"
_VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
_LOCN = Namespace("http://www.w3.org/ns/locn#")
_SPDX = Namespace("http://spdx.org/rdf/terms#")
_GEOSPARQL = Namespace("http://www.opengis.net/ont/geosparql#")
IDENTIFIER = "quietude-signalements-quartier-mois-theme"
THEMES = ("GOVE", "REGI")
LANGUAGES = (("fr", "FRA"), ("en", "ENG"))


@dataclass(frozen=True)
class Publisher:
    """Who publishes, and where. base_url: of the service, without a slash at the end."""

    name: str
    mail: str | None
    base_url: str

    @property
    def page_url(self) -> str:
        """The dataset's page."""
        return f"{self.base_url}/donnees-ouvertes"

    def file_url(self, ending: str) -> str:
        """A file of the dataset."""
        return f"{self.base_url}/opendata/reports.{ending}"


def title(dataset: Dataset) -> str:
    """The dataset's title, in the current language."""
    plain: str = _("Reports on public space by neighbourhood, month and theme")
    return str(_("[Synthetic data] %(title)s", title=plain)) if dataset.is_synthetic else plain


def description(dataset: Dataset) -> str:
    """What the dataset is and is not, in the current language."""
    said: str = _(
        "Number of reports of defects and nuisances of public space in the Quiétude register, by month, neighbourhood"
        " and theme. No single report, no address and no text. Numbers are rounded to multiples of %(small)d; what is"
        " below %(small)d is not shown, and reports from places with fewer than %(small)d in a quarter are not counted."
        " Reports of restricted visibility are left out. A report is an observation, not an established fact.",
        small=dataset.small,
    )
    if not dataset.is_synthetic:
        return said
    return f"{_('Synthetic data: nothing of this really happened; it must not be used.')} {said}"


def keywords(dataset: Dataset) -> list[str]:
    """In the current language."""
    words = [_("public space"), _("urban tranquillity"), _("neighbourhoods"), _("reports"), _("cleanliness")]
    if dataset.territory is not None:
        words.append(dataset.territory.name)
    return [*words, _("synthetic data")] if dataset.is_synthetic else words


def graph_of(published: Published, publisher: Publisher) -> Graph:
    """The catalogue with its one dataset and the dataset's files."""
    graph = Graph()
    for prefix, namespace in (("dcat", DCAT), ("dct", DCTERMS), ("vcard", _VCARD), ("locn", _LOCN), ("spdx", _SPDX)):
        graph.bind(prefix, namespace)
    catalogue = URIRef(f"{publisher.base_url}/opendata/catalog")
    dataset = URIRef(f"{publisher.page_url}#dataset")
    agent = _agent(graph, publisher)
    modified = Literal(published.dataset.until.isoformat(), datatype=XSD.dateTime)
    _add(graph, catalogue, RDF.type, DCAT.Catalog)
    for code, name in LANGUAGES:
        _add(graph, catalogue, DCTERMS.language, URIRef(f"{_EU}language/{name}"))
        with force_locale(code):
            _add(graph, catalogue, DCTERMS.title, Literal(_("Open data of Quiétude"), lang=code))
            _add(graph, catalogue, DCTERMS.description, Literal(_("What the Quiétude register publishes."), lang=code))
    _add(graph, catalogue, DCTERMS.publisher, agent)
    _add(graph, catalogue, DCTERMS.modified, modified)
    _add(graph, catalogue, DCTERMS.license, URIRef(LICENCE))
    _add(graph, catalogue, FOAF.homepage, URIRef(publisher.page_url))
    _add(graph, catalogue, DCAT.themeTaxonomy, URIRef(f"{_EU}data-theme"))
    _add(graph, catalogue, DCAT.dataset, dataset)
    _describe(graph, dataset, published, publisher)
    _add(graph, dataset, DCTERMS.publisher, agent)
    _add(graph, dataset, DCTERMS.modified, modified)
    return graph


def _add(graph: Graph, subject: Node, predicate: Node, value: Node) -> None:
    graph.add((subject, predicate, value))


def _agent(graph: Graph, publisher: Publisher) -> Node:
    agent = URIRef(f"{publisher.page_url}#publisher")
    _add(graph, agent, RDF.type, FOAF.Organization)
    _add(graph, agent, RDF.type, FOAF.Agent)
    _add(graph, agent, FOAF.name, Literal(publisher.name))
    _add(graph, agent, DCTERMS.type, URIRef("http://purl.org/adms/publishertype/LocalAuthority"))
    return agent


def _describe(graph: Graph, node: Node, published: Published, publisher: Publisher) -> None:
    dataset = published.dataset
    _add(graph, node, RDF.type, DCAT.Dataset)
    _add(graph, node, DCTERMS.identifier, Literal(IDENTIFIER))
    for code, name in LANGUAGES:
        with force_locale(code):
            _add(graph, node, DCTERMS.title, Literal(title(dataset), lang=code))
            _add(graph, node, DCTERMS.description, Literal(description(dataset), lang=code))
            for word in keywords(dataset):
                _add(graph, node, DCAT.keyword, Literal(word, lang=code))
        _add(graph, node, DCTERMS.language, URIRef(f"{_EU}language/{name}"))
    for theme in THEMES:
        _add(graph, node, DCAT.theme, URIRef(f"{_EU}data-theme/{theme}"))
    _add(graph, node, DCTERMS.accrualPeriodicity, URIRef(f"{_EU}frequency/MONTHLY"))
    _add(graph, node, DCTERMS.accessRights, URIRef(f"{_EU}access-right/PUBLIC"))
    _add(graph, node, DCTERMS.license, URIRef(LICENCE))
    _add(graph, node, DCAT.landingPage, URIRef(publisher.page_url))
    _add(graph, node, DCAT.contactPoint, _contact(graph, publisher))
    _cover(graph, node, dataset)
    for one in FORMATS.values():
        _add(graph, node, DCAT.distribution, _distribution(graph, one, published, publisher))


def _contact(graph: Graph, publisher: Publisher) -> Node:
    contact = BNode()
    _add(graph, contact, RDF.type, _VCARD.Organization)
    _add(graph, contact, _VCARD.fn, Literal(publisher.name))
    if publisher.mail:
        _add(graph, contact, _VCARD.hasEmail, URIRef(f"mailto:{publisher.mail}"))
    _add(graph, contact, _VCARD.hasURL, URIRef(publisher.page_url))
    return contact


def _cover(graph: Graph, node: Node, dataset: Dataset) -> None:
    if dataset.period is not None:
        period = BNode()
        _add(graph, node, DCTERMS.temporal, period)
        _add(graph, period, RDF.type, DCTERMS.PeriodOfTime)
        for predicate, day in zip((DCAT.startDate, DCAT.endDate), dataset.period, strict=True):
            _add(graph, period, predicate, Literal(day.isoformat(), datatype=XSD.date))
    if dataset.territory is not None:
        west, south, east, north = (round(degree, 4) for degree in dataset.territory.bounds)
        box = shapely.box(west, south, east, north)
        place = BNode()
        _add(graph, node, DCTERMS.spatial, place)
        _add(graph, place, RDF.type, DCTERMS.Location)
        _add(graph, place, _LOCN.geographicName, Literal(dataset.territory.name))
        _add(graph, place, DCAT.bbox, Literal(shapely.to_wkt(box, trim=True), datatype=_GEOSPARQL.wktLiteral))
        # The form that the harvester of data.gouv.fr (udata) reads.
        as_geojson = Literal(shapely.to_geojson(box), datatype=URIRef(f"{_IANA}application/vnd.geo+json"))
        _add(graph, place, _LOCN.geometry, as_geojson)


def _distribution(graph: Graph, one: Format, published: Published, publisher: Publisher) -> Node:
    url = URIRef(publisher.file_url(one.ending))
    node = URIRef(f"{publisher.page_url}#{one.ending}")
    content = published.files[one.ending]
    checksum = BNode()
    for predicate, value in (
        (RDF.type, DCAT.Distribution),
        (DCTERMS.identifier, Literal(f"{IDENTIFIER}-{one.ending}")),
        (DCTERMS.title, Literal(f"signalements.{one.ending} ({one.title})")),
        (DCAT.accessURL, URIRef(publisher.page_url)),
        (DCAT.downloadURL, url),
        (DCTERMS["format"], URIRef(one.file_type)),
        (DCAT.mediaType, URIRef(f"{_IANA}{one.media_type}")),
        (DCTERMS.license, URIRef(LICENCE)),
        (DCTERMS.modified, Literal(published.dataset.until.isoformat(), datatype=XSD.dateTime)),
        (DCAT.byteSize, Literal(len(content), datatype=XSD.nonNegativeInteger)),
        (_SPDX.checksum, checksum),
    ):
        _add(graph, node, predicate, value)
    _add(graph, checksum, RDF.type, _SPDX.Checksum)
    _add(graph, checksum, _SPDX.algorithm, _SPDX.checksumAlgorithm_sha256)
    _add(graph, checksum, _SPDX.checksumValue, Literal(sha256(content).hexdigest(), datatype=XSD.hexBinary))
    return node


def schema_org(published: Published, publisher: Publisher, language: str) -> dict[str, Any]:
    """The same for search engines: schema.org's Dataset, in the page's language."""
    dataset = published.dataset
    said: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": f"{publisher.page_url}#dataset",
        "identifier": IDENTIFIER,
        "name": title(dataset),
        "description": description(dataset),
        "url": publisher.page_url,
        "inLanguage": language,
        "keywords": keywords(dataset),
        "license": LICENCE,
        "isAccessibleForFree": True,
        "creator": {"@type": "Organization", "name": publisher.name},
        "dateModified": dataset.until.isoformat(),
        "variableMeasured": [column.name for column in COLUMNS],
        "distribution": [
            {"@type": "DataDownload", "encodingFormat": one.media_type, "contentUrl": publisher.file_url(one.ending)}
            for one in FORMATS.values()
        ],
    }
    if dataset.period is not None:
        said["temporalCoverage"] = "/".join(day.isoformat() for day in dataset.period)
    if dataset.territory is not None:
        west, south, east, north = dataset.territory.bounds
        shape = {"@type": "GeoShape", "box": f"{south:.4f} {west:.4f} {north:.4f} {east:.4f}"}
        said["spatialCoverage"] = {"@type": "Place", "name": dataset.territory.name, "geo": shape}
    return said
