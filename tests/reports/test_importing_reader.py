"""Files as they come: encodings, quoting, line ends, cells without end."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.reports.importing.mapping import MappingError
from app.reports.importing.reader import MAX_LINE_CHARACTERS, BadRow, CsvRows, Row
from tests.reports.import_samples import HEADER, mapping


def read(path: Path, content: bytes | str, *, insist: bool = False, **changes: object) -> list[Row | BadRow]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with CsvRows(path, mapping(**changes), insist_on_encoding=insist) as rows:
        return list(rows)


def cells(rows: list[Row | BadRow]) -> list[list[str] | str]:
    return [row.cells if isinstance(row, Row) else row.message for row in rows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "in.csv"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "iso-8859-15", "cp1252", "utf-16", "utf-16-le"])
def test_encodings(path: Path, encoding: str) -> None:
    text = f"{HEADER}\n1,2,3,4,5,été à Saint-Leu\n"
    rows = read(path, text.encode(encoding), encoding=encoding)
    assert cells(rows) == [["1", "2", "3", "4", "5", "été à Saint-Leu"]]


def test_a_bom_is_no_part_of_the_first_column(path: Path) -> None:
    assert cells(read(path, f"\ufeff{HEADER}\n1,2,3,4,5,6\n")) == [["1", "2", "3", "4", "5", "6"]]


def test_bytes_of_another_encoding_cost_one_row(path: Path) -> None:
    content = f"{HEADER}\n1,2,3,4,5,".encode() + b"caf\xe9\n2,2,3,4,5,ok\n"
    bad, good = read(path, content)
    assert bad == BadRow(2, "1,2,3,4,5,caf\udce9\n", "The row is not text of the mapping's encoding (byte 0xe9).")
    assert isinstance(good, Row)


def test_utf_8_under_the_name_of_latin_1_is_noticed(path: Path) -> None:
    content = f"{HEADER}\n1,2,3,4,5,été\n"
    with pytest.raises(MappingError, match="the file is UTF-8, the mapping says"):
        read(path, content, encoding="latin-1")
    assert cells(read(path, content, encoding="latin-1", insist=True)) == [["1", "2", "3", "4", "5", "Ã©tÃ©"]]


def test_a_codec_that_cannot_go_on_is_one_line(path: Path) -> None:
    with pytest.raises(MappingError, match="not utf-7 near line"):
        read(path, f"{HEADER}\n1,2,3,4,5,+é-\n", encoding="utf-7", insist=True)


def test_a_pipe_is_refused_in_one_line(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(MappingError, match="is not a file"), CsvRows(path, mapping()):
        pass


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(path: Path, delimiter: str) -> None:
    content = f"{HEADER}\n1,2,3,4,5,6\n".replace(",", delimiter)
    assert cells(read(path, content, delimiter=delimiter)) == [["1", "2", "3", "4", "5", "6"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_line_numbers(path: Path, end: str) -> None:
    content = f'{HEADER}\n\n1,2,3,4,5,"a\nb"\n2,2,3,4,5,6'.replace("\n", end)
    rows = read(path, content)
    assert [row.line for row in rows] == [3, 5]
    assert cells(rows)[0][-1] == f"a{end}b"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # Opened and never closed: one refused row, and the next ones are rows again.
        (['1,2,3,4,5,"open', "2,2,3,4,5,6", "3,2,3,4,5,6"], ["bad", "2", "3"]),
        # Closed by accident in the next row.
        (['1,2,3,4,5,"open', '2,2,3,4,5,"good"', "3,2,3,4,5,6"], ["bad", "2", "3"]),
        (['1,2,3,4,5,"a" b', "2,2,3,4,5,6"], ["bad", "2"]),
        (['1,2,3,4,5,5" pipe', "2,2,3,4,5,6"], ["1", "2"]),
        (['1,2,3,4,5,"said ""hello"""', "2,2,3,4,5,6"], ["1", "2"]),
        (["1,2,3,4,5,6,7", "2,2,3,4,5", "3,2,3,4,5,6"], ["bad", "bad", "3"]),
    ],
)
def test_broken_quoting(path: Path, lines: list[str], expected: list[str]) -> None:
    rows = read(path, "\n".join([HEADER, *lines, ""]))
    assert [row.cells[0] if isinstance(row, Row) else "bad" for row in rows] == expected
    assert [row.line for row in rows] == list(range(2, len(lines) + 2))


def test_a_quotation_mark_never_closed_loses_one_row_of_a_long_file(path: Path) -> None:
    lines = [f"{number},2,3,4,5,6" for number in range(1000)]
    lines[10] = '10,2,3,4,5,"6'
    rows = read(path, "\n".join([HEADER, *lines, ""]))
    assert [row.line for row in rows if isinstance(row, BadRow)] == [12]
    assert len(rows) == 1000


def test_null_bytes_and_lost_characters_cost_their_row(path: Path) -> None:
    rows = read(path, f"{HEADER}\n1,2,3,4,5,a\0b\n2,2,3,4,5,a\ufffdb\n3,2,3,4,5,6\n")
    assert cells(rows)[:2] == [
        "The row holds a null byte.",
        "The row holds a character that was lost in an earlier conversion (U+FFFD).",
    ]
    assert isinstance(rows[2], Row)


@pytest.mark.parametrize("quote", ["", '"'])
def test_ten_megabytes_in_a_cell_cost_their_row(path: Path, quote: str) -> None:
    content = f"{HEADER}\n1,2,3,4,5,{quote}{'x' * 10_000_000}{quote}\n2,2,3,4,5,6\n"
    tracemalloc.start()
    try:
        rows = read(path, content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert cells(rows) == ["The line is too long (over 256000 characters).", ["2", "2", "3", "4", "5", "6"]]
    assert len(rows[0].raw) == MAX_LINE_CHARACTERS + 1
    assert peak < 2 * len(content) + 4_000_000  # the test's own two copies, not a third


def test_a_cell_over_the_parser_s_limit_costs_its_row(path: Path) -> None:
    rows = read(path, f"{HEADER}\n1,2,3,4,5,{'x' * 200_000}\n2,2,3,4,5,6\n")
    assert cells(rows) == ["A cell is too long.", ["2", "2", "3", "4", "5", "6"]]


@given(st.lists(st.text(alphabet='a,";\n\r\0é\udce9 ', max_size=20), max_size=20))
def test_whatever_the_rows_are_the_last_good_one_is_read(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    path = tmp_path_factory.mktemp("any") / "in.csv"
    content = "\n".join([HEADER, *lines, "", "last,2,3,4,5,6", ""])
    rows = read(path, content.encode("utf-8", "surrogateescape"))
    last = rows[-1]
    # Only an open quotation mark that the last line closes could take it along, and it has none to close.
    assert isinstance(last, Row)
    assert last.cells == ["last", "2", "3", "4", "5", "6"]
