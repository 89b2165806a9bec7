"""The description: valid OpenAPI 3.0, complete, and kept by every answer (schemathesis asks, no endpoint excluded)."""

from __future__ import annotations

import re
from typing import Any, cast

import jsonschema_rs
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.definitions import OPENAPI_30_VALIDATOR

from tests.ogc.conftest import Get
from tests.ogc.test_core import IDS, Json, body
from tests.routing.world import World


def test_oas30_oas_definition_1_and_2(get: Get) -> None:
    document = body(get("/api"))
    OPENAPI_30_VALIDATOR.validate(document)
    assert re.fullmatch(r"3\.0\.\d", document["openapi"])


def test_oas30_oas_impl_every_path_is_there(get: Get, ogc_app: Flask) -> None:
    described = set(body(get("/api"))["paths"])
    for rule in ogc_app.url_map.iter_rules():
        if rule.endpoint.startswith("ogc.") and rule.endpoint != "ogc.nothing":
            path = str(rule).removeprefix("/ogc").replace("<feature_id>", "{featureId}")
            for collection in IDS:
                assert path.replace("<collection_id>", collection) in described
    assert body(get("/api"))["servers"] == [{"url": "http://localhost/ogc"}]


def test_oas30_oas_exceptions_and_security(get: Get) -> None:
    document = body(get("/api"))
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["security"] == [{"bearer": []}, {}]
    for path in document["paths"].values():
        assert {"200", "400", "401", "500"} <= set(path["get"]["responses"])


def test_every_answer_fits_its_schema(get: Get) -> None:
    document = body(get("/api"))

    def check(name: str, answer: object) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema_rs.Draft4Validator(cast("Json", _nullable(schema))).validate(answer)

    check("landingPage", body(get("/")))
    check("confClasses", body(get("/conformance")))
    check("collections", body(get("/collections")))
    for collection in IDS:
        check("collection", body(get(f"/collections/{collection}")))
        items = body(get(f"/collections/{collection}/items"))
        check("featureCollection", items)
        check("feature", body(get(f"/collections/{collection}/items/{items['features'][0]['id']}")))
    check("exception", get("/collections/none").get_json(force=True))
    check("exception", get("/collections?x=1").get_json(force=True))


def _nullable(schema: object) -> object:
    """OpenAPI 3.0's `nullable` as JSON Schema has it."""
    if isinstance(schema, list):
        return [_nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _nullable(value) for key, value in schema.items()}
    if made.pop("nullable", False):
        made["type"] = [made["type"], "null"]
    return made


@pytest.mark.parametrize("collection", ["reports", "interventions", "stops", "neighbourhood_statistics"])
def test_whatever_is_asked_is_answered_or_refused(ogc_app: Flask, world: World, get: Get, collection: str) -> None:
    """No value of any parameter is an error of ours."""
    described = body(get("/api"))["paths"][f"/collections/{collection}/items"]["get"]["parameters"]
    names = [p["name"] if "name" in p else p["$ref"].rpartition("/")[2] for p in described]
    values = st.one_of(
        st.text(max_size=30), st.sampled_from(["1", "-1", "1e400", "NaN", "a,b", "1,2,3,4", "null", "\x00"])
    )

    @settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(st.dictionaries(st.sampled_from(names), values, min_size=1, max_size=3))
    def ask(query: dict[str, str]) -> None:
        encodable = {name: value.encode("utf-8", "ignore").decode() for name, value in query.items()}
        answer = get(f"/collections/{collection}/items", query_string=encodable)
        assert answer.status_code in {200, 400}

    ask()


def test_schemathesis(ogc_app: Flask, world: World) -> None:
    """Generated requests for every operation of the document keep to it."""
    schema = schemathesis.openapi.from_wsgi("/ogc/api?f=json", ogc_app)
    headers = world.headers("planner", **{"Accept-Encoding": "identity"})  # over WSGI it unpacks nothing
    seen = set()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        seen.add(operation.path)

        @settings(
            max_examples=5,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            # A text can fit its schema and still be no filter, no time, no interval: then 400 is right.
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

        check()
    # It leaves out where the document itself came from; that one is asked above.
    assert seen | {"/api"} == set(schema.raw_schema["paths"])
