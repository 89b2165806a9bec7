"""Answers in the two formats of GeoReport v2: JSON, and XML with the specification's element names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import Response
from lxml import etree

FORMATS = ("json", "xml")
CONTENT_TYPES = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}
# A list's element → that of each of its members.
_MEMBERS = {
    "services": "service",
    "service_requests": "request",
    "attributes": "attribute",
    "values": "value",
    "endpoints": "endpoint",
    "formats": "format",
    "errors": "error",
}
# What XML 1.0 can hold; everything else cannot even be written as a reference.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def answer(root: str, content: Mapping[str, Any] | Sequence[Any], format_: str, status: int = 200) -> Response:
    """One answer; root: the document element in XML, which JSON does not have."""
    body = json.dumps(content, ensure_ascii=False).encode() if format_ == "json" else as_xml(root, content)
    return Response(body, status=status, content_type=CONTENT_TYPES[format_])


def errors(status: int, descriptions: Iterable[str], format_: str) -> Response:
    """GeoReport's errors: an array also when there is one. The code is the HTTP status."""
    said = [{"code": status, "description": description} for description in descriptions]
    return answer("errors", said, format_, status)


def as_xml(root: str, content: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """The document, with its declaration, in UTF-8."""
    element = etree.Element(root)
    _fill(element, content)
    return etree.tostring(element, xml_declaration=True, encoding="UTF-8")


def _fill(element: etree._Element, value: Any) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _fill(etree.SubElement(element, name), inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _fill(etree.SubElement(element, _MEMBERS[str(element.tag)]), inner)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif value is not None:
        element.text = _ILLEGAL.sub("", str(value))
