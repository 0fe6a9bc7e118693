"""Reading faces, drawing them, mixing them into batches."""

import numpy as np
import polars as pl
import pytest

from mien.core.errors import DataError
from mien.core.spec import Preprocess, prepare
from mien.models.data import Batches, FaceArrays, read_faces
from mien.models.sampling import class_weights, epoch_order
from tests.unit.models.synthetic import MILD, SMALL, arrays, batches, chip, tables


def test_reads_roles_in_order_and_from_the_cache(tmp_path):
    faces, split = tables(tmp_path, train=12, dev=6)
    train = read_faces(faces, split, ("train",), SMALL, tmp_path / "cache")
    assert train.ids == tuple(f"{i:064}" for i in range(12))
    assert train.pixels.shape == (12, 24, 24, 1)
    np.testing.assert_allclose(train.targets.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(train.targets.argmax(1), train.labels)
    (kept,) = (tmp_path / "cache").glob("*.npy")
    again = read_faces(faces, split, ("train",), SMALL, tmp_path / "cache")
    np.testing.assert_array_equal(again.pixels, train.pixels)
    assert kept.exists()
    both = read_faces(faces, split, ("train", "dev"), SMALL)
    assert len(both) == 18


def test_cuts_are_those_of_prediction(tmp_path):
    faces, split = tables(tmp_path, train=3, dev=1)
    preprocess = Preprocess()
    random = np.random.default_rng(5)
    train = read_faces(faces, split, ("train",), preprocess)
    chips = np.stack([chip(int(k), random) for k in train.labels])
    whole = Batches(train, preprocess, MILD, 0)
    assert whole.faces is train
    wanted = prepare(chips, preprocess)
    np.testing.assert_array_equal(
        (train.pixels[..., 0].astype(np.float32) - 127.5) / 64, wanted[:, 0]
    )


def test_a_face_without_votes_is_taught_by_its_label(tmp_path):
    faces, split = tables(tmp_path, train=4, dev=2)
    for shard in faces.glob("*.parquet"):
        frame = pl.read_parquet(shard)
        blank = pl.lit(None, frame.schema["votes"])
        frame.with_columns(votes=blank).write_parquet(shard)
    train = read_faces(faces, split, ("train",), SMALL)
    np.testing.assert_array_equal(train.targets, np.eye(7, dtype=np.float32)[train.labels])


def test_an_empty_role_and_a_missing_table_are_clear(tmp_path):
    faces, split = tables(tmp_path, train=3, dev=1)
    with pytest.raises(DataError, match="'test'"):
        read_faces(faces, split, ("test",), SMALL)
    with pytest.raises(DataError, match="mien split"):
        read_faces(faces, tmp_path / "nowhere.parquet", ("train",), SMALL)
    with pytest.raises(DataError, match="mien crop"):
        read_faces(tmp_path, split, ("train",), SMALL)


def test_arrays_check_themselves():
    good = arrays(4)
    with pytest.raises(DataError, match="as many"):
        FaceArrays(good.ids[:2], good.pixels, good.targets, good.labels)
    with pytest.raises(DataError, match="sum to 1"):
        FaceArrays(good.ids, good.pixels, good.targets * 2, good.labels)


def test_an_epoch_without_weights_is_a_permutation():
    order = epoch_order(np.full(50, 0.02, np.float32), 3, 1)
    assert sorted(order) == list(range(50))
    np.testing.assert_array_equal(order, epoch_order(np.full(50, 0.02, np.float32), 3, 1))
    assert not np.array_equal(order, epoch_order(np.full(50, 0.02, np.float32), 3, 2))
    assert not np.array_equal(order, epoch_order(np.full(50, 0.02, np.float32), 4, 1))


@pytest.mark.parametrize("power", [0.0, 0.6, 1.0])
def test_sampling_balances_as_its_power_says(power):
    counts = np.array([800, 100, 20, 40, 400, 200, 240])
    targets = np.repeat(np.eye(7, dtype=np.float32), counts, axis=0)
    order = epoch_order(class_weights(targets, power), 0, 0)
    drawn = np.bincount(targets[order].argmax(1), minlength=7) / len(order)
    wanted = counts ** (1 - power) / (counts ** (1 - power)).sum()
    np.testing.assert_allclose(drawn, wanted, atol=2 / len(order) + 1e-6)
    times = np.bincount(order, minlength=len(targets))
    for kind in range(7):  # systematic: no face of a class comes twice as often as another
        own = times[targets.argmax(1) == kind]
        assert own.max() - own.min() <= 1


def test_batches_depend_on_nothing_but_seed_epoch_and_place():
    drawn = batches()
    order = epoch_order(class_weights(drawn.faces.targets, 0.6), 0, 0)
    whole, targets = drawn.batch(order, 0, 8, 0)
    late, _ = drawn.batch(order, 4, 4, 0)
    assert whole.shape == (8, 1, 24, 24)
    assert whole.dtype == targets.dtype == np.float32
    np.testing.assert_array_equal(whole[4:], late)
    other, _ = drawn.batch(order, 0, 8, 1)
    assert not np.array_equal(whole, other)


def test_smoothing_and_mixing_keep_targets_distributions():
    plain = batches()
    mixed = Batches(plain.faces, plain.preprocess, MILD, 0, smoothing=0.1, mixup=0.4)
    order = np.arange(len(plain.faces))
    inputs, targets = mixed.batch(order, 0, 16, 0)
    np.testing.assert_allclose(targets.sum(1), 1, atol=1e-5)
    assert targets.min() > 0.01
    assert inputs.flags.c_contiguous
