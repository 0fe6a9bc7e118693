"""Pictures beyond this machine's folders: addresses such as ``s3://bucket/photos``.

Apache Arrow (extra ``data``) reads them: s3, gs, abfs, hdfs and file; there is no plain http.
"""

from __future__ import annotations

import importlib
import re
from pathlib import PurePosixPath
from typing import Any, Final

from mien.core.errors import ImageError, MissingExtraError, NoImagesError

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_address(text: str) -> bool:
    """Tells whether a text names a place beyond this machine's folders."""
    return _ADDRESS.match(text) is not None


def read(address: str) -> bytes:
    """Returns the bytes of a file.

    Raises:
        ImageError: it cannot be read.
        MissingExtraError: the extra ``data`` is not installed.
    """
    try:
        system, path = _opened(address)
        with system.open_input_stream(path) as file:
            data: bytes = file.read()
    except (OSError, ValueError) as error:  # Arrow's errors are of these two kinds
        raise ImageError(f"{address}: the file cannot be read ({_first(error)}).") from error
    return data


def pictures_at(address: str, extensions: frozenset[str]) -> list[str]:
    """Returns the addresses of all pictures below a folder, sorted; of a file, itself.

    Args:
        address: of a folder or a file.
        extensions: that a picture's name ends in, such as ``.jpg``.

    Raises:
        NoImagesError: there is no such place, or no picture in it.
        MissingExtraError: the extra ``data`` is not installed.
    """
    try:
        system, path = _opened(address)
        fs = importlib.import_module("pyarrow.fs")
        if system.get_file_info(path).type == fs.FileType.File:
            return [address]
        found = system.get_file_info(fs.FileSelector(path, recursive=True))
    except (OSError, ValueError) as error:
        raise NoImagesError(f"{address} cannot be listed ({_first(error)}).") from error
    root = address.rstrip("/")
    names = [
        f"{root}/{PurePosixPath(one.path).relative_to(PurePosixPath(path))}"
        for one in found
        if one.is_file and PurePosixPath(one.path).suffix.lower() in extensions
    ]
    if not names:
        raise NoImagesError(
            f"{address} holds no picture. Expected files ending in {', '.join(sorted(extensions))}."
        )
    return sorted(names)


def _opened(address: str) -> tuple[Any, str]:
    try:
        fs: Any = importlib.import_module("pyarrow.fs")
    except ImportError:
        raise MissingExtraError(f"Reading {address}", "data") from None
    system, path = fs.FileSystem.from_uri(address)
    return system, path


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
