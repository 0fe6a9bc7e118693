"""`evaluate` on a cluster of this machine: the same bytes as here, though a worker dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mien.core import registry
from mien.engines.ray import RayEngine
from mien.stages.evaluate import PREDICTIONS, evaluate
from tests.unit.stages.test_evaluate import CONFIG, make_stages

pytest.importorskip("ray", reason="the extra 'ray' is not installed")
pytest.importorskip("polars")
pytest.importorskip("matplotlib")


def _dies_once(work: tuple[Path, Callable[[Any], Any], Any]) -> Any:
    mark, function, shard = work
    if shard.index == 1 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return function(shard)


class Deadly(RayEngine):
    """Ray, with a worker that dies at the second shard when it is first tried."""

    mark = Path()

    def map(self, function: Callable[[Any], Any], shards: Iterable[Any]) -> Iterator[Any]:
        return super().map(_dies_once, ((self.mark, function, shard) for shard in shards))


@pytest.mark.usefixtures("undrawn")
def test_the_bytes_are_the_same_though_a_worker_dies(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = make_stages(tmp_path)
    monkeypatch.setattr(Deadly, "mark", tmp_path / "died")
    registry.register("engines", "deadly", Deadly)
    here = evaluate(CONFIG, model, **folders, out=tmp_path / "here")
    config = CONFIG.model_copy(update={"engine": "deadly", "jobs": 2})
    there = evaluate(config, model, **folders, out=tmp_path / "there")
    assert (tmp_path / "died").exists()
    for name in ("scores.json", PREDICTIONS):
        assert (there / name).read_bytes() == (here / name).read_bytes()
