"""Pages to look at in a browser: one file each, with the pictures inside and no scripts.

A page asks for nothing from elsewhere, and its own policy forbids it. What comes from data sets
(paths, labels) is escaped.
"""

from __future__ import annotations

import base64
import functools
import io
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image

from mien.core.artifact import atomic
from mien.core.errors import MissingExtraError
from mien.core.types import Image

_FOLDER: Final = "assets/pages"
_QUALITY: Final = 88


def write_page(path: Path, template: str, **values: Any) -> Path:
    """Writes a page, atomically.

    Args:
        path: the HTML file.
        template: the name of a file in ``assets/pages``; it fills the blocks of ``page.html.j2``.
        values: what the template shows; ``title`` always.

    Returns:
        ``path``.

    Raises:
        MissingExtraError: Jinja2 is not installed.
    """
    text = _environment().get_template(template).render(**values)
    with atomic(path, "w") as file:
        file.write(text)
    return path


def thumbnail(image: Image, side: int) -> Image:
    """Returns a picture shrunk so that it fits a square; a smaller one stays as it is.

    Args:
        image: (height, width, 3) RGB uint8.
        side: of the square, pixels.
    """
    picture = PIL.Image.fromarray(image)
    picture.thumbnail((side, side), PIL.Image.Resampling.BOX, reducing_gap=None)
    return np.array(picture)


def data_uri(image: Image) -> str:
    """Returns a picture as the text of a link that holds it, JPEG; small ones PNG.

    Args:
        image: (height, width, 3) RGB uint8.
    """
    picture = PIL.Image.fromarray(image)
    if np.array_equal(image[..., 0], image[..., 1]) and np.array_equal(
        image[..., 1], image[..., 2]
    ):
        picture = picture.convert("L")
    kind = "PNG" if max(picture.size) <= _SMALL else "JPEG"
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=_QUALITY)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


_SMALL: Final = 48
"""Pixels; up to this side JPEG would blur what there is to see."""


@functools.cache
def _environment() -> Any:
    try:
        import jinja2
    except ImportError:
        raise MissingExtraError("Writing pages", "data") from None
    return jinja2.Environment(
        loader=jinja2.PackageLoader("mien", _FOLDER),
        autoescape=True,  # paths and labels come from elsewhere
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
