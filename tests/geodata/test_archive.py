"""Zips from anywhere: bombs, paths upwards, passwords, cut files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from geodata.formats import archive
from geodata.records import SourceError


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


def test_the_folder_is_gone_afterwards(tmp_path: Path) -> None:
    with archive.folder_of(_zip(tmp_path / "a.zip", {"x/y.txt": b"z"})) as folder:
        assert (folder / "x/y.txt").read_bytes() == b"z"
    assert not folder.exists()


def test_a_bomb_is_stopped_by_what_comes_out(tmp_path: Path) -> None:
    bomb = _zip(tmp_path / "bomb.zip", {"a.txt": b"0" * 600_000, "b.txt": b"0" * 600_000})
    assert bomb.stat().st_size < 5000
    with pytest.raises(SourceError, match="zip bomb"), archive.folder_of(bomb, max_bytes=1_000_000):
        pass
    with archive.folder_of(bomb, max_bytes=1_200_000):
        pass


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    many = _zip(tmp_path / "many.zip", {f"{number}.txt": b"" for number in range(archive.MAX_MEMBERS + 1)})
    with pytest.raises(SourceError, match="2001 files in one zip"), archive.folder_of(many):
        pass


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt", "..\\out.txt", "C:/out.txt"])
def test_members_stay_inside_the_folder(tmp_path: Path, name: str) -> None:
    file = _zip(tmp_path / "a.zip", {name: b"bad", "good.txt": b"good"})
    with archive.folder_of(file) as folder:
        assert [found.name for found in folder.rglob("*") if found.is_file()] == ["good.txt"]
        assert not list(folder.parent.glob("out.txt"))


def test_a_cut_zip_is_one_line(tmp_path: Path) -> None:
    file = _zip(tmp_path / "a.zip", {"x.txt": bytes(range(256)) * 100})
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(SourceError, match="cannot be unpacked"), archive.folder_of(file):
        pass


def test_a_damaged_member_is_one_line(tmp_path: Path) -> None:
    file = _zip(tmp_path / "a.zip", {"x.txt": bytes(range(256)) * 100})
    content = bytearray(file.read_bytes())
    content[60:70] = b"\xff" * 10
    file.write_bytes(content)
    with pytest.raises(SourceError, match="cannot be unpacked"), archive.folder_of(file):
        pass
