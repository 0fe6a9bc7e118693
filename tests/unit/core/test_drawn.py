"""Which pictures are drawn: labelled ones, by a hash that other pictures do not change."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.core import catalogue as tables
from mien.core.drawn import drawn
from mien.core.errors import DataError
from mien.core.types import Sample

pl = pytest.importorskip("polars")


def make(root: Path, count: int, role: str = "dev", label: str | None = "happy") -> Path:
    names = [f"{i:03}" for i in range(count)]
    samples = [
        Sample(n, f"{n}.png", "home", "x", label=label, subject="p1" if int(n) % 2 else None)
        for n in names
    ]
    tables.write(tables.from_samples(samples), root / tables.CATALOGUE)
    rows = [(n, "home", f"{n}.png", role, "g", None) for n in names]
    frame = pl.DataFrame(rows, tables.schema(tables.ROLE_COLUMNS), orient="row")
    tables.write(frame, root / tables.ROLES)
    return root


def test_a_draw_is_the_same_again_and_another_seed_is_another(tmp_path: Path) -> None:
    root = make(tmp_path, 60)
    first = drawn(root, root, ["dev"], 10, "a")
    assert first.columns == [*tables.KEY, "role", "label", "cluster"]
    assert len(first) == 10
    assert first["id"].is_sorted()
    assert first.equals(drawn(root, root, ["dev"], 10, "a"))
    assert not first.equals(drawn(root, root, ["dev"], 10, "b"))
    assert set(first["cluster"]) == {"home: p1", "group g"}
    assert len(drawn(root, root, ["dev", "test"], 99, "a")) == 60


def test_a_smaller_draw_lies_in_a_larger_one_and_new_pictures_move_few(tmp_path: Path) -> None:
    small, large = make(tmp_path / "small", 60), make(tmp_path / "large", 66)
    some, more = (set(drawn(small, small, ["dev"], n, "a")["id"]) for n in (10, 20))
    assert some < more
    assert len(some & set(drawn(large, large, ["dev"], 10, "a")["id"])) >= 6


@pytest.mark.parametrize(
    ("role", "label"), [("train", "happy"), ("dev", None), ("dev", "contempt")]
)
def test_nothing_to_draw_is_an_error(tmp_path: Path, role: str, label: str | None) -> None:
    root = make(tmp_path, 3, role, label)
    with pytest.raises(DataError, match="No picture of the roles dev"):
        drawn(root, root, ["dev"], 10, "a")
