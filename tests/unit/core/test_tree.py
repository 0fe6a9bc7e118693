"""The files of a data set: folders, archives, both, and halves of either."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mien.core import images, tree
from mien.core.archives import pixel_id
from mien.core.errors import DataError, ImageError
from mien.core.tree import Tree
from mien.core.types import SourceInfo
from trees import draw

INFO = SourceInfo("mine", "My Set", "mine alone", "no", "example.org/set", "Me 2020")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    draw(folder / "set" / "A.png", 1)
    draw(folder / "set" / "b.JPG", 2)
    (folder / "set" / "Labels.csv").write_text("a,b\n")
    for clutter in (".DS_Store", "._A.png", "Thumbs.db"):
        (folder / "set" / clutter).write_bytes(b"x")
    return folder


def packed(root: Path, name: str = "set.zip") -> Path:
    """Packs the folder ``set`` beside itself."""
    with zipfile.ZipFile(root / name, "w") as file:
        for path in sorted((root / "set").iterdir()):
            file.write(path, f"set/{path.name}")
        file.writestr("__MACOSX/set/._A.png", b"x")
    return root / name


def test_a_folder(root: Path) -> None:
    found = Tree(root, INFO)
    assert found.paths == ["set/A.png", "set/Labels.csv", "set/b.JPG"]
    assert found.pictures() == ["set/A.png", "set/b.JPG"]
    assert found.by_place() == {"set/a.png": "set/A.png", "set/b.jpg": "set/b.JPG"}
    assert found.find("labels.CSV") == "set/Labels.csv"
    assert found.find("none.csv") is None
    assert found.text("set/Labels.csv") == "a,b\n"
    assert (
        found.identify("set/A.png") == hashlib.sha256((root / "set/A.png").read_bytes()).hexdigest()
    )


def test_an_archive_reads_as_the_folder_does(root: Path) -> None:
    archive = packed(root)
    inside = Tree(archive, INFO)
    assert inside.paths == [f"set.zip!/set/{n}" for n in ("A.png", "Labels.csv", "b.JPG")]
    outside = Tree(root, INFO)
    assert outside.paths == ["set/A.png", "set/Labels.csv", "set/b.JPG"]  # not twice
    for a, b in zip(inside.pictures(), outside.pictures(), strict=True):
        assert inside.identify(a) == outside.identify(b)
        one = images.decode(tree.picture(archive, a))
        assert np.array_equal(one, images.decode(tree.picture(root, b)))
    shutil.rmtree(root / "set")
    assert Tree(root, INFO).pictures() == inside.pictures()


def test_unpacking_into_a_folder_of_its_own_counts_too(root: Path) -> None:
    packed(root, "all.zip")
    (root / "all").mkdir()
    (root / "set").rename(root / "all" / "set")
    assert Tree(root, INFO).pictures() == ["all/set/A.png", "all/set/b.JPG"]


@pytest.mark.parametrize("missing", [True, False])
def test_half_unpacked_is_told(root: Path, missing: bool) -> None:
    packed(root)
    if missing:
        (root / "set" / "b.JPG").unlink()
    else:
        (root / "set" / "b.JPG").write_bytes(b"cut")
    with pytest.raises(DataError, match=r"half unpacked beside itself: 2 of its 3 .*b\.JPG"):
        Tree(root, INFO)


def test_a_root_of_no_use_says_where_to_ask(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"My Set.*does not exist.*example\.org/set"):
        Tree(tmp_path / "none", INFO)
    (tmp_path / "set.7z").touch()
    with pytest.raises(DataError, match="is a file, and no zip or tar"):
        Tree(tmp_path / "set.7z", INFO)
    with pytest.raises(DataError, match=r"holds no picture\. It holds set\.7z.*unpack it"):
        Tree(tmp_path, INFO).pictures()
    (tmp_path / "set.7z").unlink()
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as file:
        file.writestr("inner.zip", b"")
    with pytest.raises(DataError, match="an archive in an archive: unpack the outer one"):
        Tree(tmp_path, INFO).demand("labels.csv", "labels.csv")


def test_names_that_occur_twice_are_told(root: Path) -> None:
    shutil.copytree(root / "set", root / "copy" / "set")
    found = Tree(root, INFO)
    with pytest.raises(DataError, match="2 files labels.csv"):
        found.find("labels.csv")
    with pytest.raises(
        DataError, match=r"both copy/set/A\.png and set/A\.png.*unpacked there twice"
    ):
        found.by_place()


def test_a_table_of_pixels_is_a_folder_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("emotion,pixels\n3,0 1 2 255\n4,1 2\n")
    found = Tree(tmp_path, INFO)
    expected = np.array([[0, 1], [2, 255]], np.uint8)
    assert found.identify("t.csv!/0") == pixel_id(expected)
    assert np.array_equal(images.decode(tree.picture(tmp_path, "t.csv!/0"))[..., 0], expected)
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as file:
        file.write(tmp_path / "t.csv", "deep/t.csv")
    assert found.identify("t.zip!/deep/t.csv!/0") == pixel_id(expected)
    with pytest.raises(ImageError, match="Row 1"):
        tree.picture(tmp_path, "t.csv!/1")
    with pytest.raises(DataError, match=r"none\.csv cannot be read"):
        found.identify("none.csv!/0")


def test_what_cannot_be_read_is_told(root: Path) -> None:
    found = Tree(root, INFO)
    (root / "empty.png").touch()
    with pytest.raises(DataError, match="0 bytes"):
        found.identify("empty.png")
    with pytest.raises(DataError, match="none.png cannot be read"):
        found.read("none.png")
    with pytest.raises(ImageError, match=r"none\.zip!/a\.png cannot be read"):
        tree.picture(root, "none.zip!/a.png")


def test_text_of_the_old_kind(root: Path) -> None:
    (root / "readme.txt").write_bytes("\u00d6hman".encode("latin-1"))
    assert Tree(root, INFO).text("readme.txt") == "\u00d6hman"
