"""A partner's file from the upload to the register, and back."""

from __future__ import annotations

from tests.imports.bench import Bench, row, table


def test_a_file_from_upload_to_register(bench: Bench) -> None:
    batch = bench.uploaded(table(row(1), row(2, type="Lampadaire en panne"), row(3, longitude="9,0"), row(1)))
    mapping = bench.mapping(batch)
    assert mapping["name"] == "city.tickets"
    assert mapping["delimiter"] == ";"
    assert mapping["coordinates"] == {"lon": "longitude", "lat": "latitude"}
    assert mapping["observed_at"]["formats"] == ["%d/%m/%Y %H:%M"]
    assert mapping["category"]["values"] == {"Tag": "graffiti", "Lampadaire en panne": "street_light_out"}
    html = bench.page(batch)
    assert "Tag ou graffiti" in html or "Graffiti" in html
    assert bench.map(batch).status_code == 303
    checked = bench.check(batch)
    assert checked["state"] == "checked"
    assert checked["checked"]["imported"] == 2
    assert checked["checked"]["refused"] == 2
    assert bench.reports() == 0
    done = bench.run(batch)
    assert (done["state"], done["imported"], done["refused"]) == ("done", 2, 2)
    assert done["by_reason"] == checked["checked"]["by_reason"] == {"lon: outside": 1, "id: duplicate": 1}
    stored = bench.rows(
        "SELECT source, visibility, reporter_organisation_id, category_code FROM report ORDER BY source_ref"
    )
    assert [tuple(one) for one in stored] == [
        ("import:city.tickets", "partner", bench.world.organisations["city"], "graffiti"),
        ("import:city.tickets", "partner", bench.world.organisations["city"], "street_light_out"),
    ]
    again = bench.uploaded(table(row(1), row(2, type="Lampadaire en panne"), row(3, longitude="9,0"), row(1)))
    assert "imported before" in bench.page(again) or "déjà été importé" in bench.page(again)
    second = bench.run(again)
    assert (second["imported"], second["already_there"], second["refused"]) == (0, 2, 2)
    undone = bench.undo(batch)
    assert (undone["state"], undone["removed"], undone["kept"]) == ("undone", 2, 0)
    assert bench.reports() == 0
    third = bench.run(bench.uploaded(table(row(1))))
    assert third["imported"] == 1
