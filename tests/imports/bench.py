"""What a partner does with files, over HTTP, and what the worker makes of it."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.jobs.office import Office
from tests.reports.samples import LAT, LON
from tests.routing.world import World

PAGE = {"Accept": "text/html"}
HEADER = "numero;date;type;longitude;latitude;description"


def row(number: int, **changes: object) -> str:
    """A good row of a semicolon file with French decimals."""
    cells: dict[str, object] = {
        "numero": f"T{number}",
        "date": "04/05/2026 14:30",
        "type": "Tag",
        "longitude": f"{LON + number * 1e-6:.6f}".replace(".", ","),
        "latitude": f"{LAT:.5f}".replace(".", ","),
        "description": "",
    }
    return ";".join(str(cell) for cell in (cells | changes).values())


def table(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


@dataclass
class Bench:
    """The world, the worker, and a client."""

    world: World
    office: Office
    client: FlaskClient
    tmp: Path

    @property
    def var_dir(self) -> Path:
        return self.office.settings.var_dir

    def folder(self, batch_id: UUID | str) -> Path:
        return self.var_dir / "imports" / str(batch_id)

    def upload(self, content: bytes, name: str = "tickets.csv", who: str = "city", **form: Any) -> TestResponse:
        data = {"file": (io.BytesIO(content), name)} | form
        # Flask's client leaves its own temporary file of a large body open.
        files = {key: FileStorage(*value) if isinstance(value, tuple) else value for key, value in data.items()}
        boundary, body = encode_multipart(files)
        kind = f'multipart/form-data; boundary="{boundary}"'
        return self.client.post("/imports", data=body, content_type=kind, headers=self.world.headers(who, **PAGE))

    def uploaded(self, content: bytes, name: str = "tickets.csv", who: str = "city", **form: Any) -> str:
        """The id of a file that was accepted."""
        answer = self.upload(content, name, who, **form)
        assert answer.status_code == 303, answer.get_data(as_text=True)[:3000]
        return answer.headers["Location"].rpartition("/")[2]

    def get(self, path: str, who: str = "city") -> TestResponse:
        return self.client.get(path, headers=self.world.headers(who, **PAGE), buffered=True)

    def post(self, path: str, who: str = "city", **form: str) -> TestResponse:
        return self.client.post(path, data=form, headers=self.world.headers(who, **PAGE))

    def page(self, batch_id: str, who: str = "city") -> str:
        answer = self.get(f"/imports/{batch_id}", who)
        assert answer.status_code == 200
        return answer.get_data(as_text=True)

    def status(self, batch_id: str, who: str = "city") -> dict[str, Any]:
        answer = self.client.get(f"/api/imports/{batch_id}", headers=self.world.headers(who))
        assert answer.status_code == 200
        return dict(answer.get_json())

    def mapping(self, batch_id: str) -> dict[str, Any]:
        """As it is stored."""
        return dict(self.one("SELECT mapping FROM import_content WHERE batch_id = :id", id=batch_id))

    def fields(self, batch_id: str) -> dict[str, str]:
        """The form of the mapping as a browser would send it back untouched."""
        html = self.page(batch_id)
        form = html[html.index('class="mapping"') : html.index('id="preview"')]
        values = {}
        for name, attributes in re.findall(r'<select[^>]*?name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
            chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', attributes)
            first = re.search(r'<option value="([^"]*)"', attributes)
            value = (chosen[1] if chosen[1] is not None else chosen[2]) if chosen else (first[1] if first else "")
            values[name] = _unescaped(value)
        for tag in re.findall(r"<input[^>]*>", form):
            name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
            if name and ('type="radio"' not in tag or " checked" in tag):
                values[name[1]] = _unescaped(value[1]) if value else ""
        return values

    def map(self, batch_id: str, then: str = "look", **changes: str) -> TestResponse:
        return self.post(f"/imports/{batch_id}/mapping", **self.fields(batch_id) | changes | {"then": then})

    def check(self, batch_id: str) -> dict[str, Any]:
        """Check the whole file; what was found."""
        assert self.post(f"/imports/{batch_id}/check").status_code == 303
        self.office.do()
        return self.status(batch_id)

    def run(self, batch_id: str) -> dict[str, Any]:
        assert self.post(f"/imports/{batch_id}/run").status_code == 303
        self.office.do()
        return self.status(batch_id)

    def undo(self, batch_id: str) -> dict[str, Any]:
        assert self.post(f"/imports/{batch_id}/undo").status_code == 303
        self.office.do()
        return self.status(batch_id)

    def rows(self, query: str, **binds: Any) -> list[Any]:
        """As the system."""
        with unit_of_work(self.office.engine, SYSTEM) as uow:
            found = uow.connection.execute(text(query), binds)
            return list(found) if found.returns_rows else []

    def one(self, query: str, **binds: Any) -> Any:
        return self.rows(query, **binds)[0][0]

    def reports(self) -> int:
        return int(self.one("SELECT count(*) FROM report"))


def _unescaped(value: str) -> str:
    for name, character in (("&#34;", '"'), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        value = value.replace(name, character)
    return value


def geojson(*features: tuple[Any, dict[str, Any]], **more: Any) -> bytes:
    """(geometry, properties) → a FeatureCollection."""
    made = [{"type": "Feature", "geometry": shape, "properties": values} for shape, values in features]
    return json.dumps({"type": "FeatureCollection", "features": made} | more).encode()
