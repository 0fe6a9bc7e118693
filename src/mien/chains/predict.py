"""Predict over many pictures: rows, annotated copies beside them, and a count of what failed."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import PIL.Image

from mien.chains.explain import Reasons
from mien.chains.rows import open_rows
from mien.core.artifact import atomic
from mien.core.progress import track
from mien.core.sources import expand
from mien.plots.annotate import annotate
from mien.predictor import Picture, Predictor


@dataclass(slots=True)
class Tally:
    """What became of the pictures: ``pictures`` in all, ``faces`` found, failures by reason."""

    pictures: int = 0
    faces: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, picture: Picture) -> None:
        """Counts one picture."""
        self.pictures += 1
        self.faces += sum(p.face is not None for p in picture.predictions)
        self.reasons.update(p.reason for p in picture.predictions if p.reason)

    def __str__(self) -> str:
        parts = [f"{self.pictures} pictures", f"{self.faces} faces"]
        parts += [f"{n} {reason.replace('_', ' ')}" for reason, n in self.reasons.most_common()]
        return ", ".join(parts)


def predict_files(
    sources: Iterable[str],
    predictor: Predictor,
    *,
    form: str = "table",
    out: Path | None = None,
    top: int = 1,
    annotated: Path | None = None,
    explained: Path | None = None,
) -> Tally:
    """Predicts over files, folders and patterns and writes one row a face.

    Args:
        sources: paths, folders and patterns; taken lazily, so they may come from a pipe.
        predictor: the predictor.
        form: the form of the rows, one of `mien.chains.rows.FORMATS`.
        out: the file of the rows; None means standard output.
        top: how many classes a row of the table names.
        annotated: a folder for copies with boxes, landmarks and bars; None makes none.
        explained: a folder for a picture a face of where its answer comes from; None makes none.

    Returns:
        What became of the pictures.

    Raises:
        NoImagesError: a folder or pattern holds no picture.
        ConfigError: the form is unknown.
    """
    tally, names = Tally(), _Names()
    reasons = Reasons(predictor) if explained is not None else None
    known = isinstance(sources, list | tuple)
    items: Iterable[object] = (picture for _, picture in expand(sources))
    total = None
    if known:  # the names of files are few bytes each; a pipe may be endless
        items = list(items)
        total = len(items)
    with open_rows(form, out, top) as write:
        for picture in track(predictor.pictures(items), "predict", total):
            for prediction in picture.predictions:
                write(prediction)
            tally.add(picture)
            if picture.image is None or (annotated is None and explained is None):
                continue
            name = names.free(picture.source)
            if annotated is not None:
                _save(picture, annotated / f"{name}.mien.png")
            if reasons is not None and explained is not None:
                reasons.save(picture, explained, name)
    return tally


class _Names:
    """What the names of copies begin with: the picture's own, told apart where two are alike."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, source: str) -> str:
        stem = Path(source).stem
        for name in itertools.chain([stem], self._others(stem, source)):
            if name not in self._taken:
                self._taken.add(name)
                return name
        raise AssertionError("there is always another name")

    @staticmethod
    def _others(stem: str, source: str) -> Iterator[str]:
        tail = hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        yield f"{stem}-{tail}"
        yield from (f"{stem}-{tail}-{n}" for n in itertools.count(2))


def _save(picture: Picture, path: Path) -> None:
    assert picture.image is not None
    marked = PIL.Image.fromarray(annotate(picture.image, picture.predictions))
    with atomic(path) as file:
        marked.save(file, format="PNG")
