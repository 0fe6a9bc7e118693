"""The engine of a cluster, on a cluster of this machine; it takes a while to start."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.core.errors import ConfigError, ImageError, MissingExtraError
from mien.core.protocols import Engine
from mien.engines import ray as engine
from mien.engines.ray import RayEngine


class Shard:
    """A number, and a folder in which a file says that it was tried before."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number, self.folder = number, folder


def _square(shard: Shard) -> int:
    return shard.number**2


def _fail(shard: Shard) -> int:
    raise ImageError(f"no picture {shard.number}")


def _die_once(shard: Shard) -> int:
    mark = shard.folder / str(shard.number)
    if shard.number == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return shard.number


def test_it_needs_the_extra_and_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        RayEngine(0)
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"mien\[ray\]"):
        RayEngine()
    assert engine.RETRIES > 0


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayEngine]:
    ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield RayEngine(2)
    ray.shutdown()


def test_results_come_in_order(cluster: RayEngine, tmp_path: Path) -> None:
    assert isinstance(cluster, Engine)
    shards = (Shard(number, tmp_path) for number in range(9))
    assert list(cluster.map(_square, shards)) == [n * n for n in range(9)]


def test_errors_come_as_they_are(cluster: RayEngine, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no picture 1"):
        list(cluster.map(_fail, [Shard(1, tmp_path)]))


def test_a_dead_worker_s_shard_is_tried_again(cluster: RayEngine, tmp_path: Path) -> None:
    shards = [Shard(number, tmp_path) for number in range(5)]
    assert list(cluster.map(_die_once, shards)) == [0, 1, 2, 3, 4]
