"""One model in memory, with a bounded queue in front of it.

Threads decode pictures and find faces; one more takes whatever they have finished by the time that
the network is free, so that batches grow with the load and nobody waits for a batch to fill.
"""

from __future__ import annotations

import asyncio
import functools
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from mien.predictor import Picture, Predictor, Seen
from mien.serve.errors import ServiceError

T = TypeVar("T")
RETRY_AFTER: Final = 1
"""Seconds."""
KEPT: Final = 4
"""The room of a picture whose pixels are kept to its answer, where the others' go at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """A picture with its predictions.

    Attributes:
        picture: what was seen in it; without its pixels and chips where they were not to be kept.
        size: its width and height, pixels; None where it could not be read.
        omitted: how many faces more there are.
        total: seconds from its arrival in the queue to its answer.
    """

    picture: Picture
    size: tuple[int, int] | None
    omitted: int
    total: float


@dataclass(slots=True, eq=False)
class _Job:
    name: str
    data: bytes
    came: float = field(default_factory=time.perf_counter)
    answer: Future[Answered] = field(default_factory=Future)
    keep: bool = False
    size: tuple[int, int] | None = None
    omitted: int = 0


class Engine:
    """Answers pictures, many at once, and never holds more than its capacity.

    Args:
        predictor: the predictor; its ``jobs`` is the number of threads.
        capacity: how many pictures are held at once, those in work among them.
        faces: how many faces of a picture are answered, largest first.
    """

    def __init__(self, predictor: Predictor, capacity: int, faces: int) -> None:
        self.predictor = predictor
        self.capacity, self._faces = capacity, faces
        self._held, self._lock = 0, threading.Lock()
        self._pool = ThreadPoolExecutor(predictor.jobs, thread_name_prefix="mien-look")
        self._found: queue.SimpleQueue[tuple[_Job, Seen] | None] = queue.SimpleQueue()
        self._network = threading.Thread(target=self._classify, name="mien-network", daemon=True)
        self._network.start()

    def room(self, keep: bool) -> int:
        """Returns how much room a picture takes."""
        return min(KEPT, self.capacity) if keep else 1

    @property
    def held(self) -> int:
        """How many pictures are waiting or in work."""
        return self._held

    def reserve(self, count: int = 1) -> None:
        """Takes room for some pictures, which `release` gives back.

        Raises:
            ServiceError: ``overloaded``: there is no room.
        """
        with self._lock:
            if self._held + count > self.capacity:
                raise ServiceError(
                    "overloaded",
                    f"The service holds {self._held} of {self.capacity} pictures. Try again later.",
                    RETRY_AFTER,
                )
            self._held += count

    def release(self, count: int = 1) -> None:
        """Gives room back."""
        with self._lock:
            self._held -= count

    async def answer(
        self, pictures: Sequence[tuple[str, bytes]], seconds: float, keep: bool = False
    ) -> list[Answered]:
        """Returns what is in some pictures; their room, reserved before, is given back here.

        Args:
            pictures: the name and the encoded bytes of each.
            seconds: how long it may take.
            keep: whether the answers shall hold pixels and chips. Each picture then takes more
                `room`, so that full queues of large pictures stay in bounds.

        Raises:
            ServiceError: ``overloaded``: it took longer. What is in work goes on, and holds its
                room until it is done; what was waiting is dropped.
        """
        jobs = [_Job(name, data, keep=keep) for name, data in pictures]
        for job in jobs:
            job.answer.add_done_callback(functools.partial(self._done, job))
            self._pool.submit(self._look, job)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.gather(*(asyncio.wrap_future(job.answer) for job in jobs))
        except TimeoutError:
            raise ServiceError(
                "overloaded", f"No answer within {seconds:g} seconds. Try again later.", RETRY_AFTER
            ) from None

    async def apart(self, function: Callable[..., T], *arguments: object) -> T:
        """Returns what a function returns that takes long, called in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def close(self) -> None:
        """Finishes what was taken, then ends the threads."""
        self._pool.shutdown(wait=True)
        self._found.put(None)
        self._network.join()

    def _done(self, job: _Job, _: Future[Answered]) -> None:
        job.data = b""  # a job whose asker is gone may stand in the queue for long
        self.release(self.room(job.keep))

    def _look(self, job: _Job) -> None:
        if not job.answer.set_running_or_notify_cancel():
            return  # whoever asked is gone
        try:
            seen = self.predictor.look((job.name, job.data))
            job.omitted = max(0, len(seen.cuts) - self._faces)
            if seen.image is not None:
                job.size = seen.image.shape[1], seen.image.shape[0]
            image = seen.image if job.keep else None
            self._found.put((job, replace(seen, image=image, cuts=seen.cuts[: self._faces])))
        except Exception as error:  # noqa: BLE001  # it reaches whoever waits for the answer
            job.answer.set_exception(error)

    def _classify(self) -> None:
        while (first := self._found.get()) is not None:
            batch, faces = [first], len(first[1].cuts)
            while faces < self.predictor.batch_size and not self._found.empty():
                more = self._found.get()
                if more is None:
                    self._found.put(None)
                    break
                batch.append(more)
                faces += len(more[1].cuts)
            try:
                pictures = list(self.predictor.classify([seen for _, seen in batch]))
            except Exception as error:  # noqa: BLE001  # it reaches whoever waits for the answers
                for job, _ in batch:
                    job.answer.set_exception(error)
                continue
            now = time.perf_counter()
            for (job, _), picture in zip(batch, pictures, strict=True):
                kept = picture if job.keep else replace(picture, cuts=())
                job.answer.set_result(Answered(kept, job.size, job.omitted, now - job.came))
            del batch, pictures, first  # and with them what is in the pictures, until the next come
