"""From whatever a user hands over to named pictures, one after the other."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from mien.core import places
from mien.core.errors import InputError, NoImagesError
from mien.core.images import EXTENSIONS, ImageLike, find_images

Source = ImageLike | Iterable[Any]


def expand(source: Source) -> Iterator[tuple[str, ImageLike]]:
    """Yields every picture behind a source with its name, lazily and in order.

    Args:
        source: a path to a picture or folder, a pattern such as ``"photos/**/*.jpg"``, an
            address of either such as ``s3://bucket/photos`` (see `mien.core.places`), encoded
            bytes, a PIL image, an array ((height, width, 3), (height, width), or
            (n, height, width, 3) for several), or any iterable of these.

    Yields:
        The name and the picture, not decoded. A file's name is its path; the n-th picture in
        memory is called ``"image n"``, counting from 0.

    Raises:
        NoImagesError: a folder or pattern holds no picture.
        InputError: a source is of no known kind.
    """
    return _expand(source, itertools.count())


def _expand(source: Any, counter: Iterator[int]) -> Iterator[tuple[str, ImageLike]]:
    if isinstance(source, str | os.PathLike):
        for path in _paths(os.fspath(source)):
            yield path, path
    elif isinstance(source, np.ndarray) and source.ndim == 4:
        for picture in source:
            yield f"image {next(counter)}", picture
    elif isinstance(source, bytes | np.ndarray | PIL.Image.Image):
        yield f"image {next(counter)}", source
    elif isinstance(source, Iterable):
        for item in source:
            yield from _expand(item, counter)
    else:
        raise InputError(
            f"A {type(source).__name__} is no picture. Expected a path, a folder, a pattern, "
            "bytes, a PIL image, an RGB uint8 array, or a list of these."
        )


def _paths(text: str) -> Iterator[str]:
    if places.is_address(text):
        yield from places.pictures_at(text, EXTENSIONS)
    elif os.path.isdir(text):
        found = [str(path) for path in find_images(Path(text))]
        if not found:
            raise NoImagesError(
                f"The folder {text} holds no picture. Expected files ending in "
                f"{', '.join(sorted(EXTENSIONS))}."
            )
        yield from found
    elif glob.has_magic(text) and not os.path.lexists(text):
        # Path.glob takes no absolute pattern, and this one comes whole from the user.
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207
        pictures = [m for m in matches if Path(m).suffix.lower() in EXTENSIONS]
        if not pictures:
            raise NoImagesError(f"No picture matches the pattern {text!r}.")
        yield from pictures
    else:
        # A missing file is no error here: it becomes a row that says so, among the others.
        yield text
