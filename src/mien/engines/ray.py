"""The engine of a cluster: shards as tasks of Ray, in long-lived workers.

Joins the cluster that ``RAY_ADDRESS`` names, else starts one on this machine. Pictures, models and
the folder of the results are looked for on every node under the same paths or addresses.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from mien.core.errors import ConfigError, MissingExtraError, StageError
from mien.engines.local import ONE_THREAD

A = TypeVar("A")
B = TypeVar("B")
RETRIES: Final = 3
"""How often a shard is tried again whose worker died."""


class RayEngine:
    """Maps a function over shards on a cluster; each shard takes one core of it.

    Args:
        jobs: how many shards are under way at once; None takes every core of the cluster.

    Raises:
        ConfigError: ``jobs`` is below 1.
        MissingExtraError: Ray is not installed.
    """

    name = "ray"

    def __init__(self, jobs: int | None = None) -> None:
        if jobs is not None and jobs < 1:
            raise ConfigError(f"jobs is 1 or more; got {jobs}. Leave it out to use every core.")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves this machine
        try:
            import ray
        except ModuleNotFoundError as error:
            raise MissingExtraError("The engine 'ray'", "ray") from error
        self._ray: Any = ray
        self._wanted = jobs

    def map(self, function: Callable[[A], B], shards: Sequence[A] | Iterable[A]) -> Iterator[B]:
        """Yields ``function(shard)`` for every shard, in the order of the shards.

        A shard whose worker or node dies is tried again, so ``function`` must not mind being
        called twice: it writes its result under a temporary name and renames it.

        Raises:
            StageError: a worker died too often. What ``function`` raises comes through as it is.
        """
        ray, started = self._ray, not self._ray.is_initialized()
        if started:
            ray.init(
                include_dashboard=False,
                log_to_driver=False,
                logging_level="error",
                runtime_env={"env_vars": ONE_THREAD},
                **({} if "RAY_ADDRESS" in os.environ else {"num_cpus": self._wanted}),
            )
        try:
            yield from self._through(function, shards)
        finally:
            if started:
                ray.shutdown()

    def _through(self, function: Callable[[A], B], shards: Iterable[A]) -> Iterator[B]:
        ray = self._ray
        # Ray may only retry what failed by the loss of a worker, never what a shard raises.
        task = ray.remote(num_cpus=1, max_retries=RETRIES, retry_exceptions=False)(function)
        jobs = self._wanted or int(ray.cluster_resources().get("CPU", 1))
        waiting: deque[Any] = deque()
        for shard in shards:
            waiting.append(task.remote(shard))
            if len(waiting) >= 2 * jobs:
                yield self._result(waiting.popleft())
        while waiting:
            yield self._result(waiting.popleft())

    def _result(self, reference: Any) -> Any:
        ray = self._ray
        try:
            return ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, Exception):
                raise error.cause from error
            raise
        except ray.exceptions.RayError as error:
            raise StageError(
                f"A worker died {RETRIES + 1} times at the same shard, or could not be started "
                f"({type(error).__name__}). Often the memory ran out: run the same command again "
                "to go on from there, with fewer --jobs or a smaller shard size."
            ) from error
