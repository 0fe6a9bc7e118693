"""Which pictures an exam looks at."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.core.errors import DataError, InputError
from mien.core.exam_sets import ExamSet, all_rows, exam_rows, exam_set, inputs_of
from tests.unit.stages.test_evaluate import ROWS, make_stages

pytest.importorskip("polars")
ROLES = ("dev", "test", "unseen")


def test_a_set_is_the_folder_of_a_run(tmp_path: Path) -> None:
    for name in ("merge", "crop"):
        (tmp_path / "run" / name).mkdir(parents=True)
    run = tmp_path / "run"
    assert exam_set(f"unseen={run}") == ExamSet(run / "merge", run / "crop", role="unseen")
    with pytest.raises(InputError, match="has no folder split"):
        exam_set(str(run))
    (run / "split").mkdir()
    assert exam_set(str(run)) == ExamSet(run / "merge", run / "crop", run / "split")
    with pytest.raises(InputError, match="no role 'unsene'. Known: train, dev, test, unseen"):
        exam_set(f"unsene={run}")


def test_without_a_split_every_picture_has_the_one_role(tmp_path: Path) -> None:
    made = make_stages(tmp_path)
    whole = ExamSet(made["catalogue"], made["faces"], role="unseen")
    rows = exam_rows(whole, ROLES)
    assert len(rows) == len(ROWS)
    assert set(rows["role"]) == {"unseen"}
    found = dict(rows.select("id", "cluster").iter_rows())
    assert found["h"] == "away: p1"
    assert found["a"] is None  # nobody knows who it is, and nothing says whom it resembles
    assert dict(rows.select("id", "refused").iter_rows())["d"] == "no_face"


def test_several_sets_stand_beside_each_other(tmp_path: Path) -> None:
    made = make_stages(tmp_path / "a", [r for r in ROWS if r[1] == "home"])
    other = make_stages(tmp_path / "b", [r for r in ROWS if r[1] == "away"])
    home = ExamSet(made["catalogue"], made["faces"], made["split"])
    away = ExamSet(other["catalogue"], other["faces"], role="unseen")
    rows = all_rows([home, away], ROLES)
    assert [set(some["role"]) for some in rows] == [{"test"}, {"unseen"}]
    assert list(inputs_of([home, away])) == [
        "catalogue", "faces", "split", "catalogue-2", "faces-2",
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"6 pictures stand in two sets, such as a\.png of home"):
        all_rows([home, home], ROLES)
    with pytest.raises(DataError, match="No picture of the roles dev has one of the seven"):
        all_rows([home], ("dev",))
