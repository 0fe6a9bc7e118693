"""The local engine: ordered, bounded, and clear when a worker dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import cv2
import pytest

from mien.core.errors import ConfigError, ImageError, MissingExtraError, StageError
from mien.core.protocols import Engine
from mien.engines.local import LocalEngine


def _square(number: int) -> int:
    return number * number


def _settings(_: int) -> tuple[int, str | None]:
    return cv2.getNumThreads(), os.environ.get("OMP_NUM_THREADS")


def _die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _raise(number: int) -> None:
    if number:
        raise MissingExtraError("Drawing", "report")
    raise ImageError("no picture")


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_shards(jobs: int) -> None:
    engine = LocalEngine(jobs)
    assert isinstance(engine, Engine)
    assert list(engine.map(_square, range(9))) == [n * n for n in range(9)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_endless_iterable_is_read_no_faster_than_it_is_worked_off(jobs: int) -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    results = LocalEngine(jobs).map(_square, endless())
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    results.close()
    assert len(taken) <= 3 + 2 * jobs


def test_workers_have_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert list(LocalEngine(2).map(_settings, [0, 1])) == [(1, "1")] * 2
    assert "OMP_NUM_THREADS" not in os.environ


def test_one_job_uses_one_thread_and_gives_the_others_back() -> None:
    before = cv2.getNumThreads()
    assert next(LocalEngine(1).map(_settings, [0]))[0] == 1
    assert cv2.getNumThreads() == before


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(("number", "kind"), [(0, ImageError), (1, MissingExtraError)])
def test_errors_come_through_as_they_are(jobs: int, number: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        list(LocalEngine(jobs).map(_raise, [number]))


@pytest.mark.skipif(os.name == "nt", reason="no such signal there")
def test_a_dead_worker_is_a_clear_error() -> None:
    with pytest.raises(StageError, match=r"worker process died.*same command again"):
        list(LocalEngine(2).map(_die, [0]))


def test_jobs_are_one_or_more() -> None:
    with pytest.raises(ConfigError, match="got 0"):
        LocalEngine(0)
    assert LocalEngine().jobs >= 1
