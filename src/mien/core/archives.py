"""Archives as folders: zip and tar are read where they lie, and so are tables of pixels.

Nothing is unpacked to disk, but for one temporary copy of a compressed tar, since such a file can
only be read from its start. An archive whose members point outside it, or that grows beyond reason,
is refused before anything of it is read.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import struct
import sys
import tarfile
import tempfile
import threading
import weakref
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Final, Protocol

import numpy as np
import numpy.typing as npt

from mien.core.errors import DataError

INSIDE: Final = "!/"
"""Stands between an archive and the path within it: ``faces.zip!/a/b.png``."""
SUFFIXES: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
FOREIGN: Final = (".7z", ".rar", ".001")
"""Archives that mien does not read: unpack them first."""
MAX_GROWTH: Final = 200
"""An archive that unpacks to more than this many times its size is taken for a bomb."""
_FREE_BYTES: Final = 64 * 2**20
"""Below this an archive may grow as it likes."""
_CHUNK: Final = 2**20
_DAMAGE: Final = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,  # zipfile's word for a member with a password
)

Pixels = npt.NDArray[np.uint8]


class Archive(Protocol):
    """The members of one archive."""

    sizes: Mapping[str, int]

    def read(self, member: str) -> bytes:
        """Returns a member's bytes."""
        ...


def is_archive(name: str) -> bool:
    """Tells by its name whether a file is an archive that mien reads."""
    return name.lower().endswith(SUFFIXES)


def stem(name: str) -> str:
    """Returns an archive's name without its ending: ``faces.tar.gz`` is ``faces``."""
    ending = max((s for s in SUFFIXES if name.lower().endswith(s)), key=len, default="")
    return name[: len(name) - len(ending)]


def open_archive(path: Path) -> Archive:
    """Returns the archive at a path; the last few stay open.

    Raises:
        DataError: it is damaged, cut short or encrypted, points outside itself, or grows beyond
            reason.
    """
    found = path.stat()
    return _opened(path, found.st_mtime_ns, found.st_size)


@functools.lru_cache(maxsize=8)
def _opened(path: Path, _changed: int, size: int) -> Archive:
    try:
        is_zip = path.name.lower().endswith(".zip")
        archive: Archive = ZipArchive(path) if is_zip else TarArchive(path)
    except _DAMAGE as error:
        raise DataError(
            f"The archive {path} is damaged or cut short ({error}). Download it again."
        ) from error
    for member in archive.sizes:
        _check_inside(path, member)
    _check_growth(path, sum(archive.sizes.values()), size)
    return archive


def read_member(path: Path, member: str) -> bytes:
    """Returns the bytes of one member of the archive at ``path``.

    Raises:
        DataError: the archive has no such member, or it cannot be read.
    """
    archive = open_archive(path)
    try:
        return archive.read(member)
    except KeyError:
        raise DataError(f"The archive {path} has no member {member!r}.") from None
    except _DAMAGE as error:
        raise DataError(
            f"{member!r} in the archive {path} cannot be read ({error}). Download it again; a "
            "member with a password has to be unpacked first."
        ) from error


class ZipArchive:
    """A zip file.

    Attributes:
        sizes: the unpacked size of each member that is a file, in the order of the archive.
    """

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self._members = {_name(m.filename): m for m in self._zip.infolist() if not m.is_dir()}
        self.sizes: Mapping[str, int] = {n: m.file_size for n, m in self._members.items()}

    def read(self, member: str) -> bytes:
        """Returns a member's bytes; their checksum is checked.

        Raises:
            KeyError: there is no such member.
        """
        return self._zip.read(self._members[member])


class TarArchive:
    """A tar file; a compressed one is unpacked once, to a temporary file without a name.

    Attributes:
        sizes: the size of each member that is a file; links are left out.
    """

    def __init__(self, path: Path) -> None:
        plain = path.name.lower().endswith(".tar")
        file: IO[bytes] = path.open("rb") if plain else _inflated(path)
        weakref.finalize(self, file.close)
        self._tar = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115  # lives with the object
        self._members = {_name(member.name): member for member in self._tar if member.isfile()}
        self._lock = threading.Lock()
        self.sizes: Mapping[str, int] = {n: m.size for n, m in self._members.items()}

    def read(self, member: str) -> bytes:
        """Returns a member's bytes.

        Raises:
            KeyError: there is no such member.
            EOFError: the archive ends within it.
        """
        with self._lock:  # all members share one file and its position
            file = self._tar.extractfile(self._members[member])
            data = b"" if file is None else file.read()
        if len(data) != self.sizes[member]:
            raise EOFError("the archive ends within it")
        return data


class PixelTable:
    """Pictures that stand as numbers in a CSV file, one a row, in a column ``pixels``.

    Args:
        data: the file's bytes.
        name: what to call it in errors.

    Attributes:
        rows: the other columns of each row by name; blanks around names and values are dropped.

    Raises:
        DataError: it is not a CSV file in UTF-8, or has no column ``pixels``.
    """

    def __init__(self, data: bytes, name: str) -> None:
        csv.field_size_limit(sys.maxsize if sys.maxsize < 2**31 else 2**31 - 1)
        try:
            table = csv.reader(io.StringIO(data.decode("utf-8-sig")))
            header = [column.strip() for column in next(table, [])]
            if "pixels" not in header:
                raise DataError(
                    f"{name} has no column 'pixels'; found {','.join(header) or 'none'}."
                )
            at = header.index("pixels")
            self.rows: list[dict[str, str]] = []
            self._texts: list[str] = []
            for row in filter(None, table):
                values = [value.strip() for value in row] + [""] * (len(header) - len(row))
                self._texts.append(values[at])
                self.rows.append(
                    {c: v for c, v in zip(header, values, strict=False) if c != "pixels"}
                )
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{name} cannot be read as a CSV file in UTF-8: {error}.") from error
        self._name = name

    def picture(self, row: int) -> Pixels:
        """Returns the square grey picture of a row, counted from 0: (side, side) uint8.

        Raises:
            DataError: there is no such row, or it does not hold a square of numbers 0 to 255.
        """
        try:
            values = np.array(self._texts[row].split(), np.int64)
        except (IndexError, ValueError, OverflowError) as error:
            raise DataError(f"Row {row} of {self._name} holds no picture ({error}).") from None
        side = int(len(values) ** 0.5)
        if not side or side * side != len(values) or values.min() < 0 or values.max() > 255:
            raise DataError(
                f"Row {row} of {self._name} holds {len(values)} pixels. Expected a square of "
                "numbers from 0 to 255, such as 48 x 48 = 2304."
            )
        return values.astype(np.uint8).reshape(side, side)


def pixel_id(picture: Pixels) -> str:
    """Returns the id of a picture without a file: the sha256 of height, width and pixels."""
    return hashlib.sha256(struct.pack(">II", *picture.shape) + picture.tobytes()).hexdigest()


def _name(member: str) -> str:
    """Returns a member's name without ``./``, which some programs write before every name."""
    return PurePosixPath(member).as_posix()


def _check_inside(path: Path, member: str) -> None:
    parts = PurePosixPath(member.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or member[1:2] == ":":
        raise DataError(
            f"The archive {path} holds a member that points outside it ({member!r}). Nothing of it "
            "is read: get a clean copy."
        )


def _check_growth(path: Path, grown: int, size: int) -> None:
    if grown > max(_FREE_BYTES, MAX_GROWTH * size):
        raise DataError(
            f"The archive {path} of {size:,} bytes unpacks to {grown:,} or more, over "
            f"{MAX_GROWTH} times its size. It looks like a bomb and is not read; if you trust it, "
            "unpack it yourself and name the folder."
        )


def _inflated(path: Path) -> IO[bytes]:
    """Returns the bytes of a compressed tar in a temporary file that nobody else sees."""
    size, grown = path.stat().st_size, 0
    file = tempfile.TemporaryFile(prefix="mien-")  # noqa: SIM115  # lives with the archive
    try:
        for chunk in _chunks(path):
            grown += len(chunk)
            _check_growth(path, grown, size)
            file.write(chunk)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _chunks(path: Path) -> Iterable[bytes]:
    import bz2
    import gzip
    import lzma

    name = path.name.lower()
    opener = gzip if name.endswith(("gz",)) else bz2 if name.endswith("bz2") else lzma
    try:
        with opener.open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except lzma.LZMAError as error:
        raise EOFError(str(error)) from error
