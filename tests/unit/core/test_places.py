"""Addresses beyond this machine's folders, tried with ``file://``, which needs no network."""

import numpy as np
import pytest

from mien.core import places
from mien.core.errors import ImageError, NoImagesError
from mien.core.images import decode, encode_png
from mien.core.sources import expand

pytest.importorskip("pyarrow")


@pytest.fixture
def folder(tmp_path):
    for name in ("b/two.PNG", "a/one.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(encode_png(np.full((4, 6, 3), 7, np.uint8)))
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("s3://bucket/a.jpg", True), ("file:///a", True), ("a/b.jpg", False), ("C:/a.jpg", False)],
)
def test_an_address_is_told_from_a_path(text, wanted):
    assert places.is_address(text) is wanted


def test_a_folder_is_listed_and_its_pictures_are_read(folder):
    address = f"file://{folder}"
    found = [name for name, _ in expand(address)]
    assert found == [f"{address}/a/one.png", f"{address}/b/two.PNG"]
    assert [name for name, _ in expand(found[0])] == found[:1]
    np.testing.assert_array_equal(decode(found[1]), decode(folder / "b/two.PNG"))


def test_what_is_not_there_is_told(folder):
    with pytest.raises(NoImagesError, match=r"cannot be listed|holds no picture"):
        list(expand(f"file://{folder}/none"))
    (folder / "empty").mkdir()
    with pytest.raises(NoImagesError, match="holds no picture"):
        list(expand(f"file://{folder}/empty"))
    with pytest.raises(ImageError, match="cannot be read"):
        decode(f"file://{folder}/none.png")
    with pytest.raises(NoImagesError, match="cannot be listed"):
        list(expand("nonsense://a/b"))
