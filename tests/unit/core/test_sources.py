from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien.core.errors import InputError, NoImagesError
from mien.core.sources import expand


def names(source: object) -> list[str]:
    return [name for name, _ in expand(source)]  # type: ignore[arg-type]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for place in ("b.png", "a/ü n.JPG", "a/c.jpeg", ".hidden/d.png", "notes.txt"):
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def test_a_folder_is_walked_in_order_without_hidden_and_other_files(tree: Path) -> None:
    assert names(tree) == [str(tree / p) for p in ("b.png", "a/c.jpeg", "a/ü n.JPG")]


def test_a_loop_of_links_ends(tree: Path) -> None:
    (tree / "a" / "loop").symlink_to(tree, target_is_directory=True)
    (tree / "self.jpg").symlink_to(tree / "self.jpg")
    found = names(tree)
    assert len(found) == 4
    assert str(tree / "self.jpg") in found  # it becomes a row that says it cannot be read


def test_patterns(tree: Path) -> None:
    assert names(str(tree / "**" / "*.jp*g")) == [str(tree / "a" / "c.jpeg")]
    with pytest.raises(NoImagesError, match="No picture matches"):
        names(str(tree / "*.gif"))


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(tree: Path) -> None:
    odd = tree / "x[1].png"
    odd.write_bytes(b"x")
    assert names(str(odd)) == [str(odd)]


def test_pictures_in_memory_are_numbered_through_nested_iterables() -> None:
    array = np.zeros((4, 4, 3), np.uint8)
    buffer = io.BytesIO()
    PIL.Image.fromarray(array).save(buffer, format="PNG")
    many = np.zeros((2, 4, 4, 3), np.uint8)
    source = [array, (buffer.getvalue(), "missing.jpg"), iter([PIL.Image.fromarray(array)]), many]
    assert names(source) == [
        "image 0", "image 1", "missing.jpg", "image 2", "image 3", "image 4",
    ]  # fmt: skip


def test_an_empty_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(NoImagesError, match=r"holds no picture.*\.png"):
        names(tmp_path)


def test_other_things_are_refused() -> None:
    with pytest.raises(InputError, match="A int is no picture"):
        names(3)


def test_expansion_is_lazy(tree: Path) -> None:
    def endless() -> object:
        while True:
            yield os.fspath(tree / "b.png")

    pictures = expand(endless())  # type: ignore[arg-type]
    assert next(pictures)[0] == str(tree / "b.png")
