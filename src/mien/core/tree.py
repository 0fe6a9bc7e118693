"""The files of one data set, whether they lie in folders, in archives, or in a table of pixels."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from mien.core import archives
from mien.core.archives import INSIDE, PixelTable
from mien.core.errors import DataError, ImageError, VideoError
from mien.core.images import EXTENSIONS, ImageLike
from mien.core.listing import files
from mien.core.types import SourceInfo
from mien.core.video_clips import Clip, is_video


class Tree:
    """The files below a data set's root.

    A path is relative to the root, with ``/``; a file in an archive is called
    ``archive.zip!/folder/file``, the row of a pixel table ``table.csv!/12``, the frame of a video
    ``clip.mp4!/12``. Hidden files and the clutter of other systems are left out. An archive that
    stands unpacked beside itself is left out too, so that nothing counts twice.

    Args:
        root: a folder, which may hold archives, or one archive.
        info: the data set, for messages.

    Attributes:
        paths: every file, in a stable order.

    Raises:
        DataError: the root is missing or is no folder or archive; an archive in it is damaged,
            dangerous, or stands half unpacked beside itself.
    """

    def __init__(self, root: Path, info: SourceInfo) -> None:
        self.root, self.info = root, info
        self._digests: dict[str, str] = {}
        self.paths = list(files(root, info))

    def pictures(self) -> list[str]:
        """Returns the paths of all pictures.

        Raises:
            DataError: there is none; the message names archives of kinds that mien does not read.
        """
        found = [path for path in self.paths if suffix(path) in EXTENSIONS]
        if not found:
            raise DataError(f"{self.info.title}: {self.root} holds no picture.{self._foreign()}")
        return found

    def videos(self) -> list[str]:
        """Returns the paths of all videos.

        Raises:
            DataError: there is none; the message names archives of kinds that mien does not read.
        """
        found = [path for path in self.paths if is_video(path)]
        if not found:
            raise DataError(f"{self.info.title}: {self.root} holds no video.{self._foreign()}")
        return found

    def by_place(self, paths: list[str] | None = None) -> dict[str, str]:
        """Returns paths (all pictures where not given) by ``folder/name`` in lower case.

        Raises:
            DataError: one folder and name occurs twice, as where an archive was unpacked twice.
        """
        found: dict[str, str] = {}
        for path in self.pictures() if paths is None else paths:
            key = "/".join(path.split("/")[-2:]).casefold()
            if key in found:
                raise DataError(
                    f"{self.root} holds both {found[key]} and {path}. An archive may be unpacked "
                    "there twice: keep one copy."
                )
            found[key] = path
        return found

    def named(self, *names: str) -> list[str]:
        """Returns the paths of the files that have one of these names, whatever the case."""
        wanted = {name.casefold() for name in names}
        return [path for path in self.paths if name_of(path).casefold() in wanted]

    def find(self, *names: str) -> str | None:
        """Returns the path of the one file that has one of these names; None if there is none.

        Raises:
            DataError: there are several.
        """
        found = self.named(*names)
        if len(found) > 1:
            raise DataError(
                f"{self.root} holds {len(found)} files {names[0]} ({', '.join(found[:5])}). "
                "Keep one of them."
            )
        return found[0] if found else None

    def demand(self, grammar: str, *names: str) -> str:
        """Returns the path of the one file that has one of these names.

        Raises:
            DataError: there is none, or several.
        """
        found = self.find(*names)
        if found is None:
            raise DataError(
                f"{self.info.title}: {self.root} holds no {' or '.join(names)}. Expected "
                f"{grammar}.{self._foreign()}"
            )
        return found

    def read(self, path: str) -> bytes:
        """Returns the bytes of a file.

        Raises:
            DataError: it is missing or cannot be read.
        """
        return read(self.root, path)

    def text(self, path: str) -> str:
        """Returns a text file in UTF-8, or, where it is not that, in Latin-1.

        Raises:
            DataError: it is missing or cannot be read.
        """
        data = self.read(path)
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return data.decode("latin-1")

    def identify(self, path: str) -> str:
        """Returns the id of a picture: the sha256 of its bytes, or of its size and pixels.

        That of a video's frame is the sha256 of the video, ``#`` and the frame's number.

        Raises:
            DataError: it cannot be read; or it is empty.
        """
        outer, _, row = path.rpartition(INSIDE)
        if is_frame(path):
            if outer not in self._digests:
                self._digests[outer] = _digest(self.root, outer)
            return f"{self._digests[outer]}#{int(row)}"
        if is_pixel_row(path):
            return archives.pixel_id(pixel_table(self.root, outer).picture(int(row)))
        return _digest(self.root, path)

    def _foreign(self) -> str:
        found = [p for p in self.paths if suffix(p) in archives.FOREIGN]
        nested = [p for p in self.paths if INSIDE in p and archives.is_archive(p)]
        if found:
            return f" It holds {found[0]}, which mien cannot read: unpack it."
        if nested:
            return f" It holds {nested[0]}, an archive in an archive: unpack the outer one."
        return ""


def picture(root: Path, path: str) -> ImageLike:
    """Returns a picture of a data set as `images.decode` takes it.

    Args:
        root: the data set's folder or archive.
        path: as in `Sample.path`.

    Raises:
        ImageError: it cannot be reached.
    """
    outer, _, row = path.rpartition(INSIDE)
    if not outer:
        return _base(root) / path
    try:
        if is_pixel_row(path):
            return pixel_table(root, outer).picture(int(row))
        if is_frame(path):
            return clip(root, outer).picture(int(row))
        return read(root, path)
    except (DataError, VideoError) as error:
        raise ImageError(str(error)) from error


def read(root: Path, path: str) -> bytes:
    """Returns the bytes of a data set's file.

    Raises:
        DataError: it is missing or cannot be read.
    """
    outer, _, inner = path.rpartition(INSIDE)
    try:
        if outer:
            return archives.read_member(_base(root) / outer, inner)
        return (_base(root) / path).read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _digest(root: Path, path: str) -> str:
    """Returns the sha256 of a file's bytes; a video outside archives is not held in memory."""
    if is_video(path) and INSIDE not in path:
        try:
            with _base(root).joinpath(path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
    data = read(root, path)
    if not data:
        raise DataError(f"{path} has 0 bytes")
    return hashlib.sha256(data).hexdigest()


def pixel_table(root: Path, path: str) -> PixelTable:
    """Returns the pixel table at a path; the last few stay open.

    Raises:
        DataError: it cannot be read or is no pixel table.
    """
    return _pixel_table(root, path, _changed(root, path))


@functools.lru_cache(maxsize=2)
def _pixel_table(root: Path, path: str, _changed: int) -> PixelTable:
    return PixelTable(read(root, path), path)


def clip(root: Path, path: str) -> Clip:
    """Returns the video at a path; the last few stay open.

    Raises:
        DataError: it cannot be read or is no video.
        MissingExtraError: the extra ``video`` is not installed.
    """
    try:
        return _clip(root, path, _changed(root, path))
    except VideoError as error:
        raise DataError(str(error)) from error


@functools.lru_cache(maxsize=2)
def _clip(root: Path, path: str, _changed: int) -> Clip:
    return Clip(read(root, path) if INSIDE in path else _base(root) / path, path)


def _changed(root: Path, path: str) -> int:
    try:
        return (_base(root) / path.partition(INSIDE)[0]).stat().st_mtime_ns
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def is_pixel_row(path: str) -> bool:
    """Tells whether a path names the row of a pixel table."""
    outer = path.rpartition(INSIDE)[0]
    return bool(outer) and not archives.is_archive(outer) and not is_video(outer)


def is_frame(path: str) -> bool:
    """Tells whether a path names the frame of a video."""
    return is_video(path.rpartition(INSIDE)[0])


def name_of(path: str) -> str:
    """Returns the name of the file at a path."""
    return path.rpartition("/")[2]


def suffix(path: str) -> str:
    """Returns the ending of the file at a path, in lower case, with its dot."""
    return Path(name_of(path)).suffix.lower()


def _base(root: Path) -> Path:
    """Returns the folder that paths start at."""
    return root.parent if root.is_file() else root
