"""The only decoder: every kind of picture comes out RGB uint8 and upright, or with a reason."""

import io
import os
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien.core.errors import ImageError
from mien.core.images import decode, find_images


def _bytes(picture: PIL.Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "colour"),
    [("RGB", (200, 10, 30)), ("L", 90), ("1", 1), ("LA", (90, 255)), ("RGBA", (200, 10, 30, 255))],
)
def test_png_of_every_mode_becomes_rgb(mode: str, colour: object) -> None:
    picture = PIL.Image.new(mode, (5, 4), colour)
    decoded = decode(_bytes(picture, "PNG"))
    assert decoded.shape == (4, 5, 3)
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    assert decoded[0, 0].tolist() == list(picture.convert("RGB").getpixel((0, 0)))


def test_palette_and_cmyk_become_rgb() -> None:
    picture = PIL.Image.new("RGB", (4, 4), (255, 0, 0))
    assert decode(_bytes(picture.convert("P"), "PNG"))[0, 0].tolist() == [255, 0, 0]
    red = decode(_bytes(picture.convert("CMYK"), "JPEG", quality=95))[0, 0].astype(int)
    assert np.abs(red - [255, 0, 0]).max() < 12


def test_transparency_is_laid_on_white() -> None:
    assert decode(_bytes(PIL.Image.new("RGBA", (2, 2), (0, 0, 0, 0)), "PNG")).min() == 255


def test_sixteen_bits_are_scaled_to_eight() -> None:
    values = np.array([[0, 257 * 100, 65535]], np.uint16)
    assert decode(_bytes(PIL.Image.fromarray(values), "PNG"))[0, :, 0].tolist() == [0, 100, 255]


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [PIL.Image.new("RGB", (3, 3), colour) for colour in ("red", "blue")]
    data = _bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data)[0, 0].tolist() == [255, 0, 0]


def test_exif_orientation_is_applied() -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    data = _bytes(PIL.Image.new("RGB", (6, 2)), "JPEG", exif=exif)
    assert decode(data).shape == (6, 2, 3)


def test_arrays_and_pil_images_pass_through() -> None:
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert decode(grey).tolist() == decode(grey[..., None]).tolist()
    assert decode(PIL.Image.fromarray(grey)).tolist() == decode(grey).tolist()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2, 3), np.float32), "must be uint8"),
        (np.zeros((2, 2, 4), np.uint8), r"this one is \(2, 2, 4\)"),
        (np.zeros((0, 2), np.uint8), r"this one is \(0, 2\)"),
        (np.zeros(4, np.uint8), r"this one is \(4,\)"),
    ],
)
def test_other_arrays_are_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        decode(array)


def test_a_large_picture_is_refused_by_its_header() -> None:
    data = _bytes(PIL.Image.new("L", (100, 100)), "PNG")
    with pytest.raises(ImageError, match="100 x 100 pixels are more than the limit of 9,999"):
        decode(data, max_pixels=9_999)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"hello", "no picture that mien can read"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40, "picture"),
    ],
)
def test_what_is_no_picture_says_so(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        decode(data)


def test_a_picture_cut_short_is_damaged() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = _bytes(PIL.Image.fromarray(noise), "JPEG")
    with pytest.raises(ImageError, match="damaged or cut short"):
        decode(data[: len(data) // 2])


def test_a_missing_file_and_a_folder_say_so(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="there is no such file"):
        decode(tmp_path / "none.png")
    with pytest.raises(ImageError, match="cannot be read"):
        decode(tmp_path)


def test_find_images_is_ordered_and_leaves_clutter_out(tmp_path: Path) -> None:
    clutter = (".hidden.png", "Thumbs.db", "note.txt", "__MACOSX/x.png")
    for name in ("b.JPG", "a.png", "d/c.webp", *clutter):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a.png", "b.JPG", "d/c.webp"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_find_images_survives_loops_of_links(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.png").touch()
    (tmp_path / "d" / "loop").symlink_to(tmp_path)
    assert len(list(find_images(tmp_path))) == 1


def test_formats_that_start_other_programs_are_refused():
    postscript = (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
    )
    with pytest.raises(ImageError, match="Expected JPEG, PNG"):
        decode(postscript)
