"""Logits of stored faces: threads here and workers elsewhere give the same, each face once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mien.core import catalogue as tables
from mien.core.catalogue import KEY
from mien.core.errors import DataError
from mien.engines.local import LocalEngine
from mien.runtimes.model import Model
from mien.runtimes.stored import spread_logits, stored_logits
from tests.unit.conftest import make_model
from tests.unit.stages.test_evaluate import make_stages

pl = pytest.importorskip("polars")


class Counted:
    """An engine that works here and counts its shards."""

    name = "counted"

    def __init__(self) -> None:
        self.shards = 0

    def map(self, function: Callable[[Any], Any], shards: Iterable[Any]) -> Iterator[Any]:
        for shard in shards:
            self.shards += 1
            yield function(shard)


def wanted_of(faces: Path) -> Any:
    rows = pl.concat(tables.read_faces(faces, KEY))
    return rows.filter(pl.col("id") != "c")


def test_workers_give_what_threads_give(model: Path, tmp_path: Path) -> None:
    faces = make_stages(tmp_path)["faces"]
    network, wanted = Model(model, batch_size=2), wanted_of(faces)
    here = pl.concat(stored_logits(network, wanted, faces, tmp_path / "here"))
    for jobs in (1, 2):  # in this process, and in two others
        parts = tmp_path / f"there{jobs}"
        there = pl.concat(spread_logits(LocalEngine(jobs), network, wanted, faces, parts))
        assert there.equals(here)
    assert len(here) == len(wanted)


def test_finished_shards_are_not_made_again_whoever_made_them(model: Path, tmp_path: Path) -> None:
    faces = make_stages(tmp_path)["faces"]
    network, wanted, parts = Model(model), wanted_of(faces), tmp_path / "parts"
    first = next(stored_logits(network, wanted, faces, parts))
    engine = Counted()
    whole = list(spread_logits(engine, network, wanted, faces, parts))
    assert engine.shards == len(whole) - 1 == 2
    assert whole[0].equals(first)
    assert len(list(spread_logits(engine, network, wanted, faces, parts))) == 3
    assert engine.shards == 2


def test_a_model_that_replaces_another_is_loaded_anew(model: Path, tmp_path: Path) -> None:
    faces = make_stages(tmp_path)["faces"]
    first = pl.concat(
        spread_logits(Counted(), Model(model), wanted_of(faces), faces, tmp_path / "first")
    )
    make_model(model, slope=2.0)
    other = Model(model)
    second = pl.concat(spread_logits(Counted(), other, wanted_of(faces), faces, tmp_path / "2nd"))
    assert not second["logits"].equals(first["logits"])


def test_a_folder_without_faces_is_told(model: Path, tmp_path: Path) -> None:
    wanted = wanted_of(make_stages(tmp_path)["faces"])
    with pytest.raises(DataError, match=r"holds no faces"):
        list(spread_logits(Counted(), Model(model), wanted, tmp_path, tmp_path / "parts"))
