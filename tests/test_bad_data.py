"""Bad data sets through the command: each gets a message that says what, why and how to mend it."""

from __future__ import annotations

import io
import os
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from mien.cli.app import app
from mien.core import catalogue
from trees import draw, ferplus

Build = Callable[[Path], str]
"""Writes a bad data set below a folder and returns the sources of a merge, as TOML."""


def source(reader: str, root: Path, more: str = "") -> str:
    return f'{{ reader = "{reader}", root = "{root}"{more} }}'


def unknown_word(place: Path) -> str:
    draw(place / "set" / "joyful-ish" / "a.png", 1)
    draw(place / "set" / "happy" / "b.png", 2)
    return source("generic", place / "set")


def only_digits(place: Path) -> str:
    for digit in range(7):
        draw(place / "set" / "train" / str(digit) / f"{digit}.png", digit)
    return source("internet", place / "set")


def two_claims(place: Path) -> str:
    draw(place / "a" / "happy" / "x.png", 1)
    draw(place / "b" / "fear" / "y.png", 1)
    return ", ".join(source("internet", place / n, f', name = "{n}"') for n in "ab")


def no_labels(place: Path) -> str:
    ferplus.build(place / "set")
    for table in (place / "set").rglob("*.csv"):
        table.unlink()
    return source("ferplus", place / "set")


def half_unpacked(place: Path) -> str:
    root = place / "set"
    for number in range(3):
        draw(root / "happy" / f"{number}.png", number)
    with zipfile.ZipFile(root / "all.zip", "w") as file:
        for number in range(3):
            file.write(root / "happy" / f"{number}.png", f"happy/{number}.png")
    (root / "happy" / "2.png").unlink()
    return source("internet", root)


def cut_short(place: Path) -> str:
    root = place / "set"
    for number in range(3):
        draw(root / "happy" / f"{number}.png", number)
    archive = place / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(3):
            file.write(root / "happy" / f"{number}.png", f"happy/{number}.png")
    archive.write_bytes(archive.read_bytes()[:-40])
    return source("internet", archive)


def slip(place: Path) -> str:
    with zipfile.ZipFile(place / "slip.zip", "w") as file:
        file.writestr("happy/a.png", b"a")
        file.writestr("../../evil.png", b"b")
    return source("internet", place / "slip.zip")


def bomb(place: Path) -> str:
    with zipfile.ZipFile(place / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(4):
            file.writestr(f"happy/{number}.png", bytes(20 * 2**20))
    return source("internet", place / "bomb.zip")


def tar_bomb(place: Path) -> str:
    with tarfile.open(place / "bomb.tar.gz", "w:gz") as file:
        member = tarfile.TarInfo("happy/a.png")
        member.size = 80 * 2**20
        file.addfile(member, io.BytesIO(bytes(member.size)))
    return source("internet", place / "bomb.tar.gz")


def foreign_archive(place: Path) -> str:
    (place / "set").mkdir()
    (place / "set" / "origin.7z").write_bytes(b"7z")
    return source("expw", place / "set")


def other_set(place: Path) -> str:
    for number in range(5):
        draw(place / "set" / f"holiday{number}.jpg", number)
    return source("jaffe", place / "set")


ENDS = [
    (only_digits, 1, r"'\d' is only a number.*Name the label set of the source"),
    (no_labels, 1, r"FER\+: .* holds no fer2013new\.csv"),
    (half_unpacked, 1, r"half unpacked beside itself: 2 of its 3 files.*happy/2\.png"),
    (cut_short, 1, "damaged or cut short.*Download it again"),
    (slip, 1, r"points outside it \('\.\./\.\./evil\.png'\)\. Nothing of it is read"),
    (bomb, 1, "over 200 times its size.*looks like a bomb and is not read"),
    (tar_bomb, 1, "over 200 times its size.*looks like a bomb and is not read"),
    (foreign_archive, 1, r"origin\.7z, which mien cannot read: unpack it"),
    (other_set, 1, r"0 of 5 entries match \(not: holiday0\.jpg.*Expected .*KA\.AN1\.39\.tiff"),
    (unknown_word, 0, "generic: 1 unknown_label"),
    (two_claims, 0, "a: 1 conflicting_labels"),
]  # fmt: skip


def run(place: Path, build: Build, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    monkeypatch.chdir(place)
    (place / "m.toml").write_text(f"[merge]\nsources = [{build(place)}]\n")
    result = CliRunner().invoke(app, ["merge", "m.toml", "--out", "out"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return 1, str(result.exception)  # `mien.cli.main` prints it and exits with 1
    return result.exit_code, result.output


@pytest.mark.parametrize(("build", "code", "message"), ENDS, ids=[b.__name__ for b, *_ in ENDS])
def test_bad_data_gets_a_clear_message(
    build: Build, code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, text = run(tmp_path, build, monkeypatch)
    flat = " ".join(text.split())
    assert found == code, flat
    assert re.search(message, flat), flat
    assert "Traceback" not in text
    assert not (tmp_path.parent / "evil.png").exists()
    assert (tmp_path / "out").exists() == (code == 0)


def test_who_claims_what_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, two_claims, monkeypatch)
    rejected = pl.read_parquet(tmp_path / "out" / catalogue.REJECTED)
    assert rejected["detail"].unique().to_list() == [
        "one picture, several labels: a: happy (happy/x.png), b: fear (fear/y.png)"
    ]
    conflicts = pl.read_parquet(tmp_path / "out" / "conflicts.parquet")
    assert conflicts["dataset", "label", "other_dataset", "other_label", "outcome"].rows() == [
        ("b", "fear", "a", "happy", "rejected")
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_leave_to_read_costs_one_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(place: Path) -> str:
        draw(place / "set" / "happy" / "a.png", 1)
        draw(place / "set" / "happy" / "b.png", 2).chmod(0)
        return source("internet", place / "set")

    code, text = run(tmp_path, build, monkeypatch)
    assert code == 0
    assert "internet: 1 unreadable" in text
