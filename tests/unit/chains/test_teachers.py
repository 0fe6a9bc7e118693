"""`teachers`: one training a seed, and a last one that learns from them."""

import pytest

from mien.chains import run as chain
from mien.chains.teachers import prepared, teachers
from mien.core import config as settings
from mien.core.artifact import read_meta
from mien.core.errors import ConfigError
from mien.stages.train import TrainConfig, train
from tests.unit.models.synthetic import tables

DATA = {
    "train": {
        "name": "drawn",
        "network": "mienet-tiny",
        "threads": 1,
        "preprocess": {"input_size": 24},
        "recipe": {"epochs": 2, "balanced_epochs": 0, "batch_size": 32, "precision": "32-true"},
        "loggers": [],
    },
    "teachers": {"seeds": [4, 5], "train": {"recipe": {"epochs": 1}, "threads": 1}},
}


def test_each_seed_is_a_training_and_the_last_learns_from_all(tmp_path):
    faces, split = tables(tmp_path, 70, 35)
    made = prepared(DATA)
    out = teachers(made, DATA, faces, split, tmp_path / "teachers")
    for seed, folder in zip((4, 5), made.folders(out), strict=True):
        meta = read_meta(folder)
        assert meta["config"]["seed"] == seed
        assert meta["config"]["name"] == f"drawn-teacher-{seed}"
        assert meta["counts"]["epochs"] == 1
        assert meta["config"]["recipe"]["batch_size"] == 32
    section = chain._taught(DATA, {"teachers": out})["train"]
    student = settings.check(TrainConfig, section, "train")
    assert student.teachers == made.folders(out)
    last = train(student, faces, split, tmp_path / "train", quiet=True)
    assert set(read_meta(last)["inputs"]) == {"faces", "split", "teacher 1", "teacher 2"}


def test_wrong_settings_are_told_before_anything_runs():
    with pytest.raises(ConfigError, match="seeds"):
        prepared({"teachers": {"seeds": []}})
    with pytest.raises(ConfigError, match=r"seed 1\][^:]*:\s+recipe\.epoch: "):
        prepared({"teachers": {"seeds": [1], "train": {"recipe": {"epoch": 1}}}})
    with pytest.raises(ConfigError, match="holds 2, the seed of"):
        prepared({"teachers": {"seeds": [1, 2]}, "train": {"seed": 2}})
    with pytest.raises(ConfigError, match="unknown key"):
        prepared({"teachers": {"seed": [1]}})


def test_the_chain_knows_the_section():
    assert set(chain.NAMES) == {*chain.STAGES, "teachers"}
    assert chain.NAMES.index("teachers") == chain.NAMES.index("train") - 1
    assert chain._chosen({"teachers": {}, "train": {}}) == ["teachers", "train"]
