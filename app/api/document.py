"""`/api/openapi.json`: OpenAPI 3.1, gathered from the declarations beside the views (app/web/described.py)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flask import Flask
from flask_babel import LazyString, force_locale
from pydantic import BaseModel, TypeAdapter

from app.api import texts
from app.api.paths import Path, paths_of
from app.version import VERSION
from app.web.described import Answer, Endpoint, Parameter, endpoint_of
from app.web.problems import ProblemJson

_REFERENCE = "#/components/schemas/{model}"
# Filters name it a dozen times: the same fifty codes each time would be half of the document.
_CATEGORY = "CategoryOrBlank"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What every body of JSON may be answered with, and every changed thing.
_BODY_ERRORS, _CHANGE_ERRORS = (400, 413, 415, 422), (409, 412, 428)


@dataclass(frozen=True)
class Operation:
    """One method of one path, and the view's declaration."""

    path: Path
    method: str
    name: str
    endpoint: Endpoint
    # The view's docstring.
    notes: str


def operations(app: Flask) -> Iterator[Operation]:
    """Every declared operation, in the order of the domains."""
    for rule in app.url_map.iter_rules():
        try:
            endpoint = endpoint_of(app.view_functions[rule.endpoint])
        except LookupError:  # a page
            continue
        if endpoint is None:
            continue
        for path in paths_of(rule):
            for method in sorted((rule.methods or set()) & set(_METHODS)):
                view = app.view_functions[rule.endpoint]
                # One view at two paths is two operations.
                name = ".".join((rule.endpoint, *path.fixed.values()))
                yield Operation(path, method, name, endpoint, (view.__doc__ or "").strip())


def document(app: Flask, *, server: str, codes: Mapping[str, list[str]], bounds: Iterable[float] | None) -> Any:
    """The whole document, in English, as JSON takes it.

    codes: what the codes of `x-codes` are in this register; bounds: the box of the territory, in degrees.
    """
    with force_locale("en"):
        made = _coded(_plain(_document(app, server)), codes)
    made = _named(made)
    if codes.get("category"):
        made["components"]["schemas"][_CATEGORY] = {"type": "string", "enum": [*codes["category"], ""]}
    _say_where(made["components"]["schemas"], codes, None if bounds is None else list(bounds))
    return made


def _document(app: Flask, server: str) -> dict[str, Any]:
    known = list(operations(app))
    schemas = _Schemas(known)
    paths: dict[str, dict[str, Any]] = {}
    for one in known:
        paths.setdefault(one.path.template, {})[one.method.lower()] = _operation(one, schemas)
    schemas.let_the_header_say_the_version(one.endpoint.body for one in known if one.endpoint.is_change)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Quiétude", "version": VERSION, "description": texts.DESCRIPTION},
        "servers": [{"url": server}],
        "tags": [{"name": name, "description": text} for name, text in texts.TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "responses": {str(status): _problem(text) for status, text in texts.PROBLEMS.items()},
            "headers": {
                name: {"description": text, "schema": {"type": "string"}} for name, text in texts.HEADERS.items()
            },
            "securitySchemes": texts.SECURITY,
        },
    }


class _Schemas:
    """The schemas of every type that a declaration names, once each."""

    def __init__(self, known: Iterable[Operation]) -> None:
        types = {id(one): one for one in (ProblemJson, *_types(known)) if not isinstance(one, Mapping)}
        adapters = [(key, _mode(one), TypeAdapter(one)) for key, one in types.items()]
        found, rest = TypeAdapter.json_schemas(adapters, ref_template=_REFERENCE)
        self.definitions: dict[str, Any] = rest.get("$defs", {})
        self._of = {key: schema for (key, _mode), schema in found.items()}

    def let_the_header_say_the_version(self, bodies: Iterable[Any]) -> None:
        """If-Match stands for the field `version`: a body need not have both."""
        for body in bodies:
            schema = self.definitions[self.of(body)["$ref"].rpartition("/")[2]]
            schema["required"] = [name for name in schema["required"] if name != "version"]

    def of(self, body: Any) -> Any:
        """The schema of a declaration's body."""
        return body if isinstance(body, Mapping) else self._of[id(body)]


def _mode(body: Any) -> Literal["validation", "serialization"]:
    """Bodies are commands, everything else is an answer."""
    return "validation" if isinstance(body, type) and issubclass(body, BaseModel) else "serialization"


def _types(known: Iterable[Operation]) -> Iterator[Any]:
    for one in known:
        if one.endpoint.body is not None:
            yield one.endpoint.body
        yield from (answer.body for answer in one.endpoint.answers if answer.body is not None)


def _operation(one: Operation, schemas: _Schemas) -> dict[str, Any]:
    endpoint = one.endpoint
    made: dict[str, Any] = {
        "operationId": one.name,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": "\n\n".join(filter(None, (one.notes, _who(endpoint)))),
        "parameters": [*_path_parameters(one), *(_parameter(parameter) for parameter in endpoint.query)],
        "responses": {str(answer.status): _answer(answer, schemas) for answer in endpoint.answers}
        | {str(status): {"$ref": f"#/components/responses/{status}"} for status in errors_of(one)},
        "security": [{}] if endpoint.access == "public" else [],
    }
    made["security"] += [{"token": [endpoint.access] if endpoint.access != "public" else []}]
    if endpoint.is_change:
        made["parameters"].append(_parameter(texts.IF_MATCH))
    if endpoint.body is not None:
        content: dict[str, Any] = {"schema": schemas.of(endpoint.body)}
        if endpoint.body_example is not None:
            content["example"] = endpoint.body_example
        made["requestBody"] = {"required": True, "content": {"application/json": content}}
    if endpoint.raw_bodies:
        bodies = {kind: {"schema": schema} for kind, schema in endpoint.raw_bodies.items()}
        made["requestBody"] = {"required": True, "content": bodies}
    return made


def _who(endpoint: Endpoint) -> str:
    if endpoint.access == "public":
        return "Also without a token, with what the public may see."
    scope = f"Needs a token of scope `{endpoint.access}`"
    return f"{scope} of one of the roles {', '.join(endpoint.roles)}." if endpoint.roles else f"{scope}."


def errors_of(one: Operation) -> list[int]:
    """The statuses of problems that an operation may answer with."""
    endpoint = one.endpoint
    found = {429, 500, 503, *endpoint.errors}
    # A bad token is refused wherever it is sent; a request that is no good HTTP is refused before anything reads it.
    found |= {400, 401}
    if endpoint.access != "public":
        found |= {403}
    if one.path.schemas:
        found |= {404}
    if endpoint.query:
        found |= {414}
    if endpoint.body is not None:
        found |= set(_BODY_ERRORS)
    if endpoint.is_change:
        found |= set(_CHANGE_ERRORS)
    return sorted(found)


def _path_parameters(one: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {**schema, **one.endpoint.path_schemas.get(name, {})},
            "description": one.endpoint.path_texts.get(name, ""),
        }
        for name, schema in one.path.schemas.items()
    ]


def _parameter(one: Parameter) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": one.name,
        "in": "header" if one.is_header else "query",
        "required": one.required,
        "description": one.text,
        "schema": dict(one.schema) if one.required or one.is_header else _or_blank(one.schema),
    }
    if one.is_list:
        made |= {"style": "form", "explode": False}
    if one.example is not None:
        made["example"] = one.example
    return made


def _or_blank(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter that was left blank counts as left out, as forms send it; a blank part of a list too."""
    if "minItems" in schema and schema["minItems"] > 1:  # a box is whole, or left out
        return {"anyOf": [dict(schema), {"type": "string", "maxLength": 0}]}
    if schema.get("type") == "array":
        return {**schema, "items": _or_blank(schema["items"])}
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], ""]}
    if schema.get("type") in {"integer", "number"} or "format" in schema:
        return {"anyOf": [dict(schema), {"type": "string", "maxLength": 0}]}
    return dict(schema)


def _answer(answer: Answer, schemas: _Schemas) -> dict[str, Any]:
    made: dict[str, Any] = {"description": answer.text}
    if answer.body is not None:
        made["content"] = {
            kind: {"schema": schemas.of(answer.body) if _is_json(kind) else _binary(answer.body)}
            for kind in answer.media_types
        }
    names = (*answer.headers, *texts.EVERYWHERE)
    made["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return made


def _is_json(kind: str) -> bool:
    return kind.endswith("json") and not kind.startswith("application/x-ndjson")


def _binary(body: Any) -> Any:
    """Of what is no JSON only the media type is said."""
    return body if isinstance(body, Mapping) and body.get("type") == "string" else {"type": "string"}


def _problem(text: Any) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="ProblemJson")}}}
    return {"description": text, "content": content}


def _coded(value: Any, codes: Mapping[str, list[str]]) -> Any:
    """The document with the codes that this register has, where a schema says `x-codes`."""
    if isinstance(value, list):
        return [_coded(one, codes) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: _coded(one, codes) for key, one in value.items() if key != "x-codes"}
    known = codes.get(value.get("x-codes", ""))
    if known and value["x-codes"] == "category" and made.get("type") == "array":
        return made | {"items": {"$ref": _REFERENCE.format(model=_CATEGORY)}}
    if known and made.get("type") == "array":
        return made | {"items": {"type": "string", "enum": [*known, ""]}}
    return made | {"enum": known} if known else made


def _named(made: Any) -> Any:
    """The document with names that people read: `app__reports__represent__MovesJson` becomes `ReportMoves`."""
    names = {name: _short(name) for name in made["components"]["schemas"]}
    assert len(set(names.values())) == len(names), "two types would have one name"
    text = json.dumps(made)
    for name, short in names.items():
        text = text.replace(f'"{_REFERENCE.format(model=name)}"', f'"{_REFERENCE.format(model=short)}"')
    renamed = json.loads(text)
    schemas = renamed["components"]["schemas"]
    renamed["components"]["schemas"] = {short: schemas[name] for name, short in sorted(names.items(), key=_second)}
    return renamed


def _second(pair: tuple[str, str]) -> str:
    return pair[1]


def _short(name: str) -> str:
    domain, _, last = name.removeprefix("app__").rpartition("__")
    return domain.partition("__")[0].removesuffix("s").title() + last.removesuffix("Json")


def _say_where(schemas: dict[str, Any], codes: Mapping[str, list[str]], bounds: list[float] | None) -> None:
    """In the bodies too: the codes of this register, and the box around its territory, outside of which is refused."""
    for model, field, kind in (
        ("ReportCommand", "category", "category"),
        ("InterventionCommand", "kind", "intervention_kind"),
        ("EditCommand", "kind", "intervention_kind"),
    ):
        if model in schemas and codes.get(kind):
            schemas[model]["properties"][field]["enum"] = codes[kind]
    if bounds is None or "ReportCommand" not in schemas:
        return
    west, south, east, north = bounds
    for field, least, most in (("lon", west, east), ("lat", south, north)):
        number = schemas["ReportCommand"]["properties"][field]["anyOf"][0]
        number.update(minimum=least, maximum=most)


def _plain(value: Any) -> Any:
    """Lazy texts as texts, tuples as lists."""
    if isinstance(value, LazyString):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
