"""The only decoder: whatever a picture comes in as, RGB uint8 upright comes out."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import PIL.Image
import PIL.ImageOps

from mien.core import places
from mien.core.errors import ImageError
from mien.core.types import Image

MAX_PIXELS: Final = 64_000_000
"""Larger pictures are refused by their header, before any pixel is decoded."""
EXTENSIONS: Final = frozenset(
    ".jpg .jpeg .jpe .jfif .png .bmp .webp .tif .tiff .gif .ppm .pgm .pbm".split()
)
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
"""Pillow knows many more, some of which start other programs."""
_CLUTTER: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_PNG: Final = (
    cv2.IMWRITE_PNG_COMPRESSION,
    1,  # higher ones take twice the time for a tenth less
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,
)
_EXIF_ORIENTATION: Final = 0x0112
_STRIP: Final = 64
"""Rows."""

ImageLike = str | os.PathLike[str] | bytes | PIL.Image.Image | Image


def decode(source: ImageLike, *, max_pixels: int = MAX_PIXELS, name: str = "") -> Image:
    """Returns a picture as RGB, upright (EXIF orientation applied).

    Of an animation the first frame is taken. Transparency is laid on white, 16-bit grey is scaled
    to 8 bits, palettes and CMYK become RGB.

    Args:
        source: a path or an address (see `mien.core.places`), an encoded file's bytes, a PIL
            image, or an array: (height, width, 3) RGB, (height, width) grey or (height, width, 1)
            grey, each uint8.
        max_pixels: pictures with more are refused before they are decoded.
        name: what to call bytes in errors.

    Returns:
        (height, width, 3) uint8, contiguous.

    Raises:
        ImageError: the picture is missing, empty, damaged, too large or of a wrong shape.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, PIL.Image.Image):
        return _to_rgb(source, max_pixels)
    name = (name or "these bytes") if isinstance(source, bytes) else str(source)
    try:
        data = source if isinstance(source, bytes) else _read(source)
    except FileNotFoundError:
        raise ImageError(f"{name}: there is no such file.") from None
    except OSError as error:
        raise ImageError(f"{name}: the file cannot be read ({error.strerror}).") from error
    try:
        with PIL.Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            return _to_rgb(picture, max_pixels)
    except PIL.UnidentifiedImageError:
        raise ImageError(f"{name}: {_describe(data)}") from None
    except PIL.Image.DecompressionBombError as error:
        raise ImageError(f"{name}: too large to decode safely ({error}).") from None
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        # Pillow's decoders report damage by any of these.
        raise ImageError(
            f"{name}: the picture is damaged or cut short ({error}). Save or download it again."
        ) from error


def _read(source: str | os.PathLike[str]) -> bytes:
    if isinstance(source, str) and places.is_address(source):
        return places.read(source)
    return Path(source).read_bytes()


def encode_png(image: Image) -> bytes:
    """Returns a picture (height, width, 3) uint8 RGB as PNG, with one channel where it is grey."""
    grey = np.array_equal(image[..., 0], image[..., 1]) and np.array_equal(
        image[..., 1], image[..., 2]
    )
    pixels = image[..., 0] if grey else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", pixels, _PNG)
    if not done:
        raise ValueError("the picture cannot be written as PNG")
    return data.tobytes()


def find_images(folder: Path) -> Iterator[Path]:
    """Yields the picture files below a folder, as `walk` does."""
    return (path for path in walk(folder) if path.suffix.lower() in EXTENSIONS)


def walk(folder: Path) -> Iterator[Path]:
    """Yields the files below a folder in a stable order, each real folder once.

    Hidden files and the clutter of other systems are left out; links are followed, loops are not.
    """
    seen: set[str] = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not is_clutter(name))
        for name in sorted(files):
            if not is_clutter(name):
                yield Path(here, name)


def is_clutter(name: str) -> bool:
    """Tells whether a file or folder name is hidden or a system's own."""
    return name.startswith(".") or name.lower() in _CLUTTER


def _from_array(array: Image) -> Image:
    if array.dtype != np.uint8:
        raise ImageError(
            f"An array must be uint8 from 0 to 255; this one is {array.dtype}. "
            "Scale and convert it: (255 * x).astype('uint8') for floats from 0 to 1."
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 2 and array.size:
        return np.repeat(array[:, :, None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise ImageError(
            "An array must be (height, width, 3) RGB or (height, width) grey; "
            f"this one is {array.shape}."
        )
    return np.ascontiguousarray(array)


def _to_rgb(picture: PIL.Image.Image, max_pixels: int) -> Image:
    width, height = picture.size
    if width * height > max_pixels:
        raise ImageError(
            f"{width} x {height} pixels are more than the limit of {max_pixels:,}. "
            "Scale the picture down first."
        )
    if picture.getexif().get(_EXIF_ORIENTATION, 1) != 1:
        picture = PIL.ImageOps.exif_transpose(picture)
    if picture.mode == "RGB":
        return np.array(picture)
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture)
        scale = 257.0 if values.size and values.max() > 255 else 1.0
        grey = np.empty(values.shape, np.uint8)
        for top in range(0, len(values), _STRIP):  # in strips: eight bytes a pixel are a lot
            strip = values[top : top + _STRIP] / scale
            grey[top : top + _STRIP] = np.clip(np.rint(strip), 0, 255)
        return _from_array(grey)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = PIL.Image.new("RGBA", picture.size, "white")
        picture = PIL.Image.alpha_composite(white, picture)
    return np.array(picture.convert("RGB"))


def _describe(data: bytes) -> str:
    if not data:
        return "the file is empty (0 bytes). Save or download it again."
    head = data[:512].lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<head")):
        return "this is a web page, not a picture. Download the picture itself."
    return "this is no picture that mien can read. Expected JPEG, PNG, WebP, BMP, TIFF, GIF or PPM."
