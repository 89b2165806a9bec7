"""For each operation an example that can be pasted: curl, and Python with its standard library alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from app.api.document import Operation
from app.web.described import Parameter

ID = "018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e"
_PATH_VALUES = {"z": "14", "x": "8298", "y": "5590", "kind": "neighbourhood", "ending": "csv"}


def address(one: Operation, server: str) -> str:
    """The address of the example: ids are samples, parameters are those that are required or have an example."""
    path = re.sub(r"{(\w+)}", lambda found: _PATH_VALUES.get(found[1], ID), one.path.template)
    pairs = [
        f"{parameter.name}={quote(_value(parameter), safe=',:-')}"
        for parameter in one.endpoint.query
        if not parameter.is_header and (parameter.required or parameter.example is not None)
    ]
    if one.endpoint.raw_bodies:
        pairs = [f"id={ID}"]
    return server + path + ("?" + "&".join(pairs) if pairs else "")


def _value(parameter: Parameter) -> str:
    example = parameter.example
    if isinstance(example, (list, tuple)):
        return ",".join(map(str, example))
    return str(example if example is not None else "")


def curl(one: Operation, server: str) -> str:
    """The operation as a line for a shell."""
    parts = ["curl"]
    if one.method != "GET":
        parts.append(f"-X {one.method}")
    parts.append('-H "Authorization: Bearer $TOKEN"')
    if one.endpoint.raw_bodies:
        parts += ['-H "Content-Type: image/jpeg"', "--data-binary @photo.jpg"]
    elif one.endpoint.body is not None:
        body = json.dumps(one.endpoint.body_example, ensure_ascii=False).replace("'", "'\\''")
        parts += ['-H "Content-Type: application/json"', f"-d '{body}'"]
    if not _is_text(one):
        parts.append("-O" if one.endpoint.tag == "exports" else "-o answer")
    return " \\\n  ".join([*parts, f'"{address(one, server)}"'])


def python(one: Operation, server: str) -> str:
    """The operation as a script."""
    lines = ["import json", "import os", "from urllib.request import Request, urlopen", ""]
    headers = {"Authorization": "Bearer "}
    given = []
    if one.endpoint.raw_bodies:
        headers["Content-Type"] = "image/jpeg"
        lines += ['with open("photo.jpg", "rb") as file:', "    data = file.read()"]
        given = ["data=data"]
    elif one.endpoint.body is not None:
        headers["Content-Type"] = "application/json"
        lines.append(f"data = {_literal(one.endpoint.body_example)}")
        given = ["data=json.dumps(data).encode()"]
    if one.method != "GET":
        given.append(f'method="{one.method}"')
    lines += _headers(headers)
    arguments = ", ".join([f'"{address(one, server)}"', "headers=headers", *given])
    lines += [f"request = Request({arguments})", "with urlopen(request) as answer:"]
    lines.append("    print(json.load(answer))" if _is_text(one) else "    print(answer.status, len(answer.read()))")
    if "json." not in "\n".join(lines[1:]):
        lines.remove("import json")
    return "\n".join(lines)


def _headers(headers: Mapping[str, str]) -> list[str]:
    shown = ['"Authorization": "Bearer " + os.environ["TOKEN"]']
    shown += [f'"{name}": "{value}"' for name, value in headers.items() if name != "Authorization"]
    return [f"headers = {{{', '.join(shown)}}}"]


def _literal(value: Any) -> str:
    """A value of JSON as Python writes it."""
    return repr(value).replace("'", '"') if "'" not in json.dumps(value) else repr(value)


def _is_text(one: Operation) -> bool:
    """Whether it is answered with JSON."""
    first = one.endpoint.answers[0]
    return first.body is not None and len(first.media_types) == 1 and first.media_types[0].endswith("json")
