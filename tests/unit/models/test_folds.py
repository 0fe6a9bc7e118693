"""Folds: nobody is judged by a network that saw them, and a stopped run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import StageError
from mien.models import folds as module
from mien.models.augment import wide
from mien.models.folds import FoldSettings, fold_of, out_of_fold
from mien.models.recipe import Recipe
from tests.unit.models.synthetic import MILD, SMALL, arrays

SETTINGS = FoldSettings(
    folds=2,
    network="mienet-tiny",
    preprocess=SMALL,
    recipe=Recipe(epochs=10, balanced_epochs=0, batch_size=16, learning_rate=1e-2, ema=0.9),
    augment=MILD,
)


def test_groups_stay_whole_and_classes_keep_their_shares() -> None:
    labels = np.arange(300) % 3
    groups = np.arange(300) // 4
    found = fold_of(labels, groups, 5, 0)
    assert set(found) == set(range(5))
    assert all(len(set(found[groups == g])) == 1 for g in range(75))
    for fold in range(5):
        shares = np.bincount(labels[found == fold]) / (found == fold).sum()
        assert shares == pytest.approx([1 / 3] * 3, abs=0.05)
    assert np.array_equal(fold_of(labels, groups, 5, 0), found)
    assert not np.array_equal(fold_of(labels, groups, 5, 1), found)


def test_a_rare_class_is_no_reason_to_stop() -> None:
    labels = np.array([0] * 20 + [1])
    assert set(fold_of(labels, np.arange(21), 4, 0)) == {0, 1, 2, 3}


@pytest.mark.parametrize("groups", [np.zeros(20, int), np.arange(20) // 10])
def test_too_few_groups_are_said(groups: np.ndarray) -> None:
    with pytest.raises(StageError, match="20 faces in . groups cannot be shared out over 3 folds"):
        fold_of(np.arange(20) % 2, groups, 3, 0)


def test_a_wrong_label_is_seen_through(tmp_path: Path) -> None:
    faces = arrays(240, wide(SMALL))
    right = faces.labels.copy()
    wrong = np.flatnonzero(right == 0)[:6]
    faces.labels[wrong] = 3
    faces.targets[wrong] = np.eye(7, dtype=np.float32)[3]
    found = out_of_fold(faces, np.arange(240), SETTINGS, tmp_path, quiet=True)
    assert found.dtype == np.float32
    assert found.sum(1) == pytest.approx(np.ones(240), abs=1e-4)
    assert (found.argmax(1) == right).mean() > 0.75
    assert (found[wrong].argmax(1) == 0).mean() > 0.6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fold-0.npy", "fold-1.npy"]


def test_finished_folds_are_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = arrays(64, wide(SMALL))
    quick = SETTINGS.model_copy(update={"recipe": Recipe(epochs=1, balanced_epochs=0)})
    first = out_of_fold(faces, np.arange(64), quick, tmp_path, quiet=True)
    (tmp_path / "fold-1.npy").unlink()
    trained = []
    train = module._trained
    monkeypatch.setattr(
        module, "_trained", lambda *args: (trained.append(args[3].name), train(*args))[1]
    )
    again = out_of_fold(faces, np.arange(64), quick, tmp_path, quiet=True)
    assert trained == ["fold-1"]
    assert np.array_equal(again, first)
