"""From pictures to predictions: decode, detect, align, classify, in that order and bounded.

Decoding, detecting and aligning run in threads ahead of the network, so its batches fill while it
works; only a window of pictures is in memory at any time.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from mien.core.errors import ConfigError, ImageError
from mien.core.images import MAX_PIXELS, ImageLike, decode
from mien.core.labels import CLASSES
from mien.core.machine import cores
from mien.core.sources import Source, expand
from mien.core.spec import Prior
from mien.core.types import Face, Floats, Image, Prediction
from mien.faces.finder import Choice, Cut, Finder, Options, resolved
from mien.runtimes.model import DEFAULT, Model

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture with all that was seen in it.

    Attributes:
        source: its name.
        image: (height, width, 3) RGB uint8, or None where it could not be decoded.
        predictions: one a face, largest face first; one that says why where there is none.
        cuts: the faces with their chips, in the same order.
        seconds: that each stage took: ``decode``, ``detect``, ``align``, and ``network`` for the
            whole batch that it went through with.
    """

    source: str
    image: Image | None
    predictions: list[Prediction]
    cuts: tuple[Cut, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One picture before the network: the faces in it, or why there is none.

    Attributes:
        source: its name.
        image: as in `Picture`; ``cuts`` and ``seconds`` likewise.
        reason: why there is no face, or None.
        message: more about the reason, or None.
    """

    source: str
    image: Image | None
    cuts: tuple[Cut, ...] = ()
    reason: str | None = None
    message: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


class Predictor:
    """Faces in, calibrated probabilities out.

    Args:
        model: a model folder, or the name of a shipped model; or a `Model`, which says what runs
            it and in which precision.
        detector: ``auto``, ``yunet``, ``hog``, ``full-frame``, or another registered name; or
            several, tried in order until one finds a face.
        faces: ``all`` faces of a picture, the ``largest``, or the most ``central`` one.
        options: for each detector, by name, the keywords of its constructor.
        prior: the operating point: None takes the model's own, else ``natural``, ``balanced`` or
            a share for each class.
        jobs: how many pictures are decoded and searched at once; None takes one a core.
        batch_size: how many faces go through the network at once.
        max_pixels: pictures with more are refused before they are decoded.

    Raises:
        ModelError: the model is missing or altered.
        UnknownNameError: no detector has that name.
        ConfigError: ``faces``, ``jobs``, ``batch_size`` or an option is unknown or out of range.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Model = DEFAULT,
        *,
        detector: str | Sequence[str] = "auto",
        faces: Choice = "all",
        options: Options | None = None,
        prior: Prior | None = None,
        jobs: int | None = None,
        batch_size: int = 32,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.jobs = cores() if jobs is None else jobs
        if self.jobs < 1 or batch_size < 1:
            raise ConfigError("jobs and batch_size are 1 or more.")
        self.prior = prior
        self.batch_size = batch_size
        self.max_pixels = max_pixels
        if not isinstance(model, Model):
            model = Model(os.fspath(model), threads=self.jobs, batch_size=batch_size)
        self.model = model
        self.model.spec.target_prior(prior)  # a wrong prior is told now, not after the first batch
        self._make_finder = functools.partial(
            Finder,
            resolved([detector] if isinstance(detector, str) else detector),
            aligner=self.model.spec.preprocess.aligner,
            faces=faces,
            options=options,
        )
        self._local = threading.local()
        self._local.finder = self._make_finder()  # and so is a missing detector
        # Kept: each of its threads has a finder, which takes longer to make than one photo.
        self._pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="mien-look")

    def predict(self, source: Source) -> list[Prediction]:
        """Returns the predictions for every face of every picture, in the order of the source.

        Args:
            source: a path, folder, pattern, bytes, PIL image, array, or an iterable of these
                (see `mien.core.sources.expand`).

        Raises:
            NoImagesError: a folder or pattern holds no picture.
            InputError: a source is of no known kind.
        """
        return list(self.stream(source))

    def stream(self, source: Source) -> Iterator[Prediction]:
        """Yields what `predict` returns, as it comes, with bounded memory."""
        for picture in self.pictures(source):
            yield from picture.predictions

    def pictures(self, source: Source) -> Iterator[Picture]:
        """Yields every picture with its predictions, in order, with bounded memory."""
        waiting: list[Seen] = []
        window = 2 * self.jobs + self.batch_size
        for seen in _in_order(self._pool, self.look, expand(source), window):
            waiting.append(seen)
            if sum(len(s.cuts) for s in waiting) >= self.batch_size or len(waiting) >= window:
                yield from self.classify(waiting)
                waiting = []
        yield from self.classify(waiting)

    def look(self, item: tuple[str, ImageLike]) -> Seen:
        """Decodes a picture and finds its faces; any number of threads may do so at once.

        Args:
            item: the picture's name, and the picture. Whatever is wrong with it is told in what
                comes back.
        """
        source, picture = item
        begun = time.perf_counter()
        try:
            image = decode(picture, max_pixels=self.max_pixels)
        except ImageError as error:
            seconds = {"decode": time.perf_counter() - begun}
            return Seen(source, None, (), "unreadable", str(error), seconds)
        decoded = time.perf_counter() - begun
        found = self._finder().find(image)
        failed = found.reason == "detector_failed"
        message = f"{source}: {found.message}" if failed else None
        seconds = {"decode": decoded, "detect": found.detecting, "align": found.aligning}
        return Seen(source, image, found.cuts, found.reason, message, seconds)

    def _finder(self) -> Finder:
        if not hasattr(self._local, "finder"):
            self._local.finder = self._make_finder()
        finder: Finder = self._local.finder
        return finder

    def classify(self, seen: Sequence[Seen]) -> Iterator[Picture]:
        """Yields pictures with their predictions; the faces of all go through the network at once.

        Args:
            seen: what `look` returned for each.
        """
        chips = [cut.chip for one in seen for cut in one.cuts if cut.chip is not None]
        begun = time.perf_counter()
        rows = iter(self.model.probabilities(np.stack(chips), self.prior) if chips else ())
        network = {"network": time.perf_counter() - begun}
        for one in seen:
            predictions = [
                self._without(one.source, "bad_landmarks", cut.message, index, cut.face)
                if cut.chip is None
                else self._prediction(one.source, index, cut.face, next(rows))
                for index, cut in enumerate(one.cuts)
            ]
            if not predictions:
                predictions = [self._without(one.source, one.reason, one.message)]
            seconds = {**one.seconds, **network}
            yield Picture(one.source, one.image, predictions, one.cuts, seconds)

    def _prediction(self, source: str, index: int, face: Face, row: Floats) -> Prediction:
        best, limits = int(row.argmax()), self.model.spec.thresholds
        refusal: tuple[str, str | None] | None = limits.refusal(face)
        if refusal is None and row[best] < limits.low_confidence:
            refusal = "low_confidence", None
        reason, message = refusal or (None, None)
        return Prediction(
            source=source,
            index=index,
            model=self.model.spec.name,
            face=face,
            probabilities=row,
            expression=CLASSES[best],
            confidence=float(row[best]),
            abstained=reason is not None,
            reason=reason,
            message=message,
        )

    def _without(
        self,
        source: str,
        reason: str | None,
        message: str | None,
        index: int = 0,
        face: Face | None = None,
    ) -> Prediction:
        """Returns a prediction that names no expression, and why."""
        return Prediction(
            source=source,
            index=index,
            model=self.model.spec.name,
            face=face,
            abstained=True,
            reason=reason,
            message=message,
        )


def predict(source: Source, **options: Any) -> list[Prediction]:
    """Returns the apparent expression of every face in some pictures.

    The model is loaded once and kept for later calls with the same options.

    Args:
        source: a path, folder, pattern, bytes, PIL image, RGB uint8 array, or an iterable of any
            of these. A picture that cannot be read becomes a prediction with the reason
            ``unreadable``; one without a face, with the reason ``no_face``.
        **options: the keywords of `Predictor`.

    Raises:
        NoImagesError: a folder or pattern holds no picture.
        InputError: a source is of no known kind.
    """
    return list(stream(source, **options))


def stream(source: Source, **options: Any) -> Iterator[Prediction]:
    """Yields what `predict` returns, as it comes, for sources that do not fit in memory."""
    try:
        kept = _kept(**options)
    except TypeError:  # an option that is not hashable, such as a list, so it is not kept
        kept = Predictor(**options)
    return kept.stream(source)


@functools.lru_cache(maxsize=2)
def _kept(**options: Any) -> Predictor:
    return Predictor(**options)


def _in_order(
    pool: ThreadPoolExecutor, function: Callable[[A], B], items: Iterable[A], window: int
) -> Iterator[B]:
    """Yields ``function(item)`` in order, never more than ``window`` items ahead."""
    running: deque[Future[B]] = deque()
    try:
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) >= window:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()
