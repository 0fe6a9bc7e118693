"""Stored faces under controlled changes, on chips or in photos, as a model gets to see them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from mien.core import catalogue as tables
from mien.core.catalogue import KEY
from mien.core.chips import face_of, stored_chip
from mien.core.errors import ImageError, InputError
from mien.core.origins import Source, picture
from mien.core.quality import NAMES as QUALITIES
from mien.core.types import Face, Image
from mien.faces.corruptions import corrupt, corrupt_photo
from mien.faces.finder import Cut, Finder
from mien.faces.quality import measure

if TYPE_CHECKING:
    import polars

Key = tuple[str, str, str]
_READ: Final = (
    *KEY, "chip", "box", "landmarks", "score", "detector", "assumed", "yaw", "pitch", "roll",
    *QUALITIES,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A face that `crop` stored.

    Attributes:
        key: its values of `catalogue.KEY`: id, data set, path.
        face: where it lies in its photo, and what was measured.
        png: its chip, encoded.
    """

    key: Key
    face: Face
    png: bytes

    def chip(self) -> Image:
        """Returns the chip, (256, 256, 3) RGB uint8.

        Raises:
            DataError: it is damaged or of another size.
        """
        return stored_chip(self.png, self.key[2])


class Setting(Protocol):
    """Where changes are made: on chips, or in photos."""

    def pictures(self, stored: Stored, name: str, strengths: Iterable[int]) -> list[Image]:
        """Returns the changed pictures, one a strength; 0 is no change."""
        ...

    def cuts(self, stored: Stored, name: str, strengths: Iterable[int]) -> list[Cut | None]:
        """Returns the face as a model gets it, one a strength; None where it is not found."""
        ...


class Chips:
    """Changes chips. Quality is measured again; pose and size stay as `crop` measured them.

    Args:
        seed: makes the draws, together with the id of each face.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def pictures(self, stored: Stored, name: str, strengths: Iterable[int]) -> list[Image]:
        """Returns the changed chips.

        Raises:
            ConfigError: the name or a strength is unknown.
            DataError: the chip is damaged or of another size.
        """
        chip = stored.chip()
        return [corrupt(chip, name, s, (self._seed, stored.key[0])) for s in strengths]

    def cuts(self, stored: Stored, name: str, strengths: Iterable[int]) -> list[Cut | None]:
        """Returns the changed chips with their quality; errors as for `pictures`."""
        face = stored.face
        size = face.quality.size if face.quality else 0.0
        changed = self.pictures(stored, name, strengths)
        return [Cut(replace(face, quality=measure(chip, size)), chip) for chip in changed]


class Photos:
    """Changes photos, searches them again and cuts the face that is found out.

    A found face whose centre lies outside the box that `crop` found is another face.

    Args:
        seed: makes the draws, together with the id of each face.
        sources: as `origins.read_sources` returns them.
        finder: the arguments of a `Finder`; each thread makes its own.
    """

    def __init__(self, seed: int, sources: Mapping[str, Source], finder: Mapping[str, Any]) -> None:
        self._seed, self._sources, self._finder = seed, sources, finder
        self._local = threading.local()

    def pictures(self, stored: Stored, name: str, strengths: Iterable[int]) -> list[Image]:
        """Returns the changed photos.

        Raises:
            ConfigError: the name or a strength is unknown.
            ImageError: the photo cannot be read.
            InputError: the face has no landmarks, or they are no face's.
        """
        key, dataset, path = stored.key
        photo = picture(dataset, path, self._sources)
        return [corrupt_photo(photo, stored.face, name, s, (self._seed, key)) for s in strengths]

    def cuts(self, stored: Stored, name: str, strengths: Iterable[int]) -> list[Cut | None]:
        """Returns what the detector finds; errors as for `pictures`, but for the landmarks."""
        if not hasattr(self._local, "finder"):
            self._local.finder = Finder(**self._finder)
        finder: Finder = self._local.finder
        strengths = list(strengths)
        try:
            changed = self.pictures(stored, name, strengths)
        except ImageError:
            raise
        except InputError:  # nothing can be drawn on it
            return [None] * len(strengths)
        found = [finder.find(photo, stored.face.bbox).cuts[:1] for photo in changed]
        return [cut[0] if cut and cut[0].chip is not None else None for cut in found]


def stored_faces(faces: Path, wanted: polars.DataFrame) -> dict[Key, Stored]:
    """Returns the wanted faces that `crop` stored, by their key.

    Args:
        faces: the stage folder of `crop`.
        wanted: rows with `KEY`.

    Raises:
        DataError: a shard is missing or damaged.
    """
    found = {}
    for frame in tables.read_faces(faces, _READ):
        for row in frame.join(wanted, on=KEY, how="semi").iter_rows(named=True):
            key = row["id"], row["dataset"], row["path"]
            found[key] = Stored(key, face_of(row), row["chip"]["bytes"])
    return found
