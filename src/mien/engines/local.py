"""The engine of one machine: one process a core."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final, TypeVar

import cv2

from mien.core.errors import ConfigError, StageError
from mien.core.machine import cores, environment

A = TypeVar("A")
B = TypeVar("B")

ONE_THREAD: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}
"""What a worker's environment says: the workers share the cores already."""


class LocalEngine:
    """Maps a function over shards in processes, each of one thread.

    Threads inside the workers would fight for the same cores, so OpenCV, BLAS and Polars get one
    each.

    Args:
        jobs: the number of processes; 1 works in this process, None takes every core that this
            process may use.

    Raises:
        ConfigError: ``jobs`` is below 1.
    """

    name = "local"

    def __init__(self, jobs: int | None = None) -> None:
        if jobs is not None and jobs < 1:
            raise ConfigError(f"jobs is 1 or more; got {jobs}. Leave it out to use every core.")
        self.jobs = jobs or cores()

    def map(self, function: Callable[[A], B], shards: Sequence[A] | Iterable[A]) -> Iterator[B]:
        """Yields ``function(shard)`` for every shard, in the order of the shards.

        At most two shards a worker are under way or waiting, so a long or endless iterable is
        read no faster than it is worked off.

        Args:
            function: a function of a module, since processes find it by name.
            shards: the arguments.

        Raises:
            StageError: a worker died. What ``function`` raises comes through as it is.
        """
        if self.jobs == 1:
            yield from _in_process(function, shards)
            return
        context = multiprocessing.get_context("spawn")  # forking would copy locks of live threads
        pool = ProcessPoolExecutor(self.jobs, context, initializer=_one_thread)
        try:
            yield from self._through(pool, function, shards)
        except BrokenProcessPool as error:
            raise StageError(
                "A worker process died before it was done. Often the memory ran out, or something "
                "killed it: run the same command again to go on from there, with fewer --jobs. A "
                "script that calls mien needs the guard  if __name__ == '__main__':"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _through(
        self, pool: ProcessPoolExecutor, function: Callable[[A], B], shards: Iterable[A]
    ) -> Iterator[B]:
        waiting: deque[Future[B]] = deque()
        for shard in shards:
            with environment(ONE_THREAD):  # workers start here and inherit it
                waiting.append(pool.submit(function, shard))
            if len(waiting) >= 2 * self.jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _in_process(function: Callable[[A], B], shards: Iterable[A]) -> Iterator[B]:
    threads = cv2.getNumThreads()
    for shard in shards:
        cv2.setNumThreads(1)
        try:
            result = function(shard)
        finally:
            cv2.setNumThreads(threads)
        yield result


def _one_thread() -> None:
    cv2.setNumThreads(1)
