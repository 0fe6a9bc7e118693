"""YuNet's weights: verified where they lie, fetched once where they do not.

The file is MIT-licensed, by Shiqi Yu and others, as OpenCV's model zoo publishes it. mien does not
contain it; it is looked for in this order: the path that the user names, the path in the
environment variable ``MIEN_YUNET``, the user's cache folder, the network.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Final

from mien.core import cache
from mien.core.artifact import atomic, digest
from mien.core.errors import ChecksumError, DownloadError

NAME: Final = "face_detection_yunet_2023mar.onnx"
SIZE: Final = 232_589
SHA256: Final = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
URL: Final = (
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/"
    f"82b38c8f98e7b52aa171400f3e4c722352d0669f/models/face_detection_yunet/{NAME}"
)
_TIMEOUT: Final = 10.0
_CHUNK: Final = 1 << 14


def find(named: Path | None = None) -> Path:
    """Returns the verified file, fetching it if need be and allowed.

    ``MIEN_OFFLINE=1`` forbids fetching, ``MIEN_YUNET_URL`` names another address, ``MIEN_CACHE``
    another cache folder.

    Args:
        named: the file, where the user names one.

    Raises:
        ChecksumError: a file is there, but is another one.
        DownloadError: it is not there and cannot be fetched; the message says where to put it.
    """
    chosen = named or (Path(os.environ["MIEN_YUNET"]) if os.environ.get("MIEN_YUNET") else None)
    if chosen is not None:
        if not _is_there(chosen):
            raise DownloadError(f"YuNet's weights are not at {chosen}. {_how_to_get_it()}")
        return _verified(chosen)
    cached = cache_folder() / NAME
    if _is_there(cached):
        return _verified(cached)
    if cache.offline():
        raise DownloadError(
            f"YuNet's weights are not on this machine and MIEN_OFFLINE is set. {_how_to_get_it()}"
        )
    return _fetch(cached)


def cache_folder() -> Path:
    """Returns the folder for fetched files: ``MIEN_CACHE``, or ``mien`` in the user's cache.

    Raises:
        DownloadError: none is named, and the user has no home folder.
    """
    return cache.cache_folder("YuNet's weights", f"the place of {NAME} in MIEN_YUNET")


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder on the way may not be entered
        return False


@functools.lru_cache(maxsize=8)
def _digest_at(path: Path, size: int, changed: int) -> str:
    return digest(path)


def _verified(path: Path) -> Path:
    try:
        stat = path.stat()
        actual = _digest_at(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise DownloadError(
            f"YuNet's weights at {path} cannot be read ({error.strerror}). {_how_to_get_it()}"
        ) from error
    if actual != SHA256:
        raise ChecksumError(
            f"{path} is not YuNet's file of March 2023: its sha256 is {actual}, expected {SHA256}. "
            f"Remove it. {_how_to_get_it()}"
        )
    return path


def _fetch(target: Path) -> Path:
    url = os.environ.get("MIEN_YUNET_URL", URL)
    print(f"mien: fetching the face detector YuNet ({SIZE:,} bytes) once from {url}",
          file=sys.stderr)  # fmt: skip
    try:
        data = _read(url)
        actual = hashlib.sha256(data).hexdigest()
        if actual != SHA256:
            raise ChecksumError(
                f"{url} gave {len(data):,} bytes with the sha256 {actual}; expected {SIZE:,} bytes "
                f"with {SHA256}. Nothing was kept. {_how_to_get_it()}"
            )
        with atomic(target) as file:
            file.write(data)
    except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
        raise DownloadError(
            f"YuNet's weights could not be fetched from {url} into {target.parent}: {error}. "
            f"{_how_to_get_it()}"
        ) from error
    return target


def _read(url: str) -> bytes:
    """Reads at most one byte more than the file has, and shows how far it is."""
    data = bytearray()
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
        while len(data) <= SIZE and (chunk := answer.read(_CHUNK)):
            data += chunk
            if sys.stderr.isatty():
                print(f"\r  {len(data):,} of {SIZE:,} bytes", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return bytes(data)


def _how_to_get_it() -> str:
    return (
        f"Put {NAME} (sha256 {SHA256}) into {cache_folder()}, or name its place in MIEN_YUNET; "
        f"its address is {URL}. Or use the detector 'hog', which needs no file."
    )
