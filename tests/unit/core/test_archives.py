"""Archives as folders: members, damage, and what must not be read."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mien.core import archives
from mien.core.archives import PixelTable, open_archive, pixel_id, read_member
from mien.core.errors import DataError

FILES = {"set/a.png": b"first", "set/deep/b.png": b"second" * 50}
MODES = {
    ".zip": "",
    ".tar": "w",
    ".tar.gz": "w:gz",
    ".tgz": "w:gz",
    ".tar.bz2": "w:bz2",
    ".txz": "w:xz",
}


def pack(path: Path, files: dict[str, bytes], mode: str) -> Path:
    if not mode:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in files.items():
                file.writestr(name, data)
        return path
    with tarfile.open(path, mode) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize(("ending", "mode"), MODES.items())
def test_members_are_read_where_they_lie(ending: str, mode: str, tmp_path: Path) -> None:
    path = pack(tmp_path / f"faces{ending}", FILES, mode)
    assert archives.is_archive(path.name.upper())
    assert archives.stem(path.name) == "faces"
    assert dict(open_archive(path).sizes) == {name: len(data) for name, data in FILES.items()}
    for name, data in FILES.items():
        assert read_member(path, name) == data
    with pytest.raises(DataError, match="no member 'set/c.png'"):
        read_member(path, "set/c.png")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("mode", ["", "w", "w:gz"])
@pytest.mark.parametrize(
    "member", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "C:\\evil.png"]
)
def test_a_member_outside_is_refused(mode: str, member: str, tmp_path: Path) -> None:
    ending = {"": ".zip", "w": ".tar", "w:gz": ".tar.gz"}[mode]
    path = pack(tmp_path / f"slip{ending}", {"good.png": b"x", member: b"y"}, mode)
    with pytest.raises(DataError, match="points outside it.*Nothing of it is read"):
        open_archive(path)


@pytest.mark.parametrize(
    ("ending", "mode"), [(".zip", ""), (".tar.gz", "w:gz"), (".tar.xz", "w:xz")]
)
def test_a_bomb_is_refused(ending: str, mode: str, tmp_path: Path) -> None:
    zeros = {f"{n}.bin": bytes(24 * 2**20) for n in range(3)}
    path = pack(tmp_path / f"bomb{ending}", zeros, mode)
    with pytest.raises(DataError, match="over 200 times its size. It looks like a bomb"):
        open_archive(path)


@pytest.mark.parametrize(("ending", "mode"), MODES.items())
def test_an_archive_that_was_cut_short_is_told(ending: str, mode: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 40_000, np.uint8).tobytes()
    path = pack(tmp_path / f"cut{ending}", {"a.png": noise, "b.png": noise[::-1]}, mode)
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(DataError, match=r"damaged or cut short.*Download it again|cannot be read"):
        for name in open_archive(path).sizes:
            read_member(path, name)


def test_a_damaged_member_is_told(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.png": bytes(range(256)) * 8}, "")
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"'a.png' in the archive .* cannot be read"):
        read_member(path, "a.png")


@pytest.mark.parametrize("mode", ["", "w", "w:gz"])
def test_names_may_begin_with_a_dot(mode: str, tmp_path: Path) -> None:
    ending = {"": ".zip", "w": ".tar", "w:gz": ".tar.gz"}[mode]
    path = pack(tmp_path / f"a{ending}", {"./set/a.png": b"x"}, mode)
    assert list(open_archive(path).sizes) == ["set/a.png"]
    assert read_member(path, "set/a.png") == b"x"


def test_links_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert not open_archive(path).sizes


def table(*rows: str, header: str = "emotion, pixels ,Usage") -> PixelTable:
    return PixelTable("\n".join([header, *rows]).encode(), "t.csv")


def test_a_pixel_table_gives_pictures() -> None:
    found = table("3,0 1 2 255, Training", "", "4,7 7 7 7,PublicTest")
    assert found.rows == [
        {"emotion": "3", "Usage": "Training"}, {"emotion": "4", "Usage": "PublicTest"},
    ]  # fmt: skip
    assert found.picture(0).tolist() == [[0, 1], [2, 255]]
    assert found.picture(0).dtype == np.uint8
    assert pixel_id(found.picture(0)) != pixel_id(found.picture(1))
    assert pixel_id(np.zeros((1, 4), np.uint8)) != pixel_id(np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize(
    "pixels", ["", "1 2 3", "1 2 3 256", "-1 2 3 4", "1 2 x 4", f"{10**30} 1 1 1"]
)
def test_a_row_without_a_square_picture_is_told(pixels: str) -> None:
    with pytest.raises(DataError, match=r"Row 0 of t\.csv holds"):
        table(f"3,{pixels},Training").picture(0)


def test_a_table_without_pixels_is_told() -> None:
    with pytest.raises(DataError, match="no column 'pixels'; found a,b"):
        table(header="a,b")
    with pytest.raises(DataError, match="UTF-8"):
        PixelTable(b"pixels\n\xff\xfe", "t.csv")
    with pytest.raises(DataError, match="Row 3"):
        table("3,1 2 3 4,Training").picture(3)
