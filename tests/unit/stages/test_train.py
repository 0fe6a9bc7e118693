"""`train` over drawn faces: what it writes, that it goes on after a kill, what it refuses."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.torch import load_file

from mien.core.artifact import digest, read_meta
from mien.core.errors import ConfigError, StageError
from mien.core.origins import Source, write_sources
from mien.core.spec import ModelSpec, Preprocess
from mien.core.thresholds import Thresholds
from mien.core.types import SourceInfo
from mien.models.augment import Augment
from mien.models.log import TIMES
from mien.models.loop import CHECKPOINT
from mien.models.recipe import Recipe
from mien.stages.augment import AugmentConfig, augment
from mien.stages.train import TrainConfig, train, training_prior
from tests.unit.models.synthetic import tables

CONFIG = TrainConfig(
    name="drawn",
    network="mienet-tiny",
    threads=1,
    preprocess=Preprocess(input_size=24),
    recipe=Recipe(
        epochs=3, balanced_epochs=1, batch_size=16, checkpoint_steps=3, ema=0.9, warmup=0.5
    ),
    augment=Augment(flip=0.0, rotation=4.0),
    limits=Thresholds(max_yaw=60, min_size=12),
)
DRIVER = """
import sys
from pathlib import Path
from mien.stages.train import TrainConfig, train
config = TrainConfig.model_validate_json(sys.argv[1])
train(config, Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), quiet=True)
"""


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    return tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def trained(stages, tmp_path_factory):
    return train(CONFIG, *stages, tmp_path_factory.mktemp("out") / "model", quiet=True)


def test_the_folder_is_whole_and_clean(trained):
    names = {path.name for path in trained.iterdir()}
    assert names == {
        "curves.png", "log.csv", "meta.json", "operating_points.json", "spec.json", "tensorboard",
        "weights.safetensors",
    }  # fmt: skip
    spec = ModelSpec.read(trained / "spec.json")
    assert spec.network == "mienet-tiny"
    assert spec.thresholds.limits() == {"max_yaw": 60, "min_size": 12}
    assert spec.thresholds.risk == CONFIG.operating.risk
    assert spec.files["weights.safetensors"] == digest(trained / "weights.safetensors")
    assert sum(spec.training_prior) == pytest.approx(1, abs=1e-5)
    counts = read_meta(trained)["counts"]
    assert counts["train"] == 140
    assert counts["dev"] == 70
    assert counts["epochs"] == 4
    assert counts["iterations"] == 4 * 9


def test_the_curve_holds_the_choice(trained):
    made = json.loads((trained / "operating_points.json").read_bytes())
    assert made["chosen"] in made["points"]
    assert [p["strength"] for p in made["points"]][::10] == [0.0, 0.5, 1.0]
    spec = ModelSpec.read(trained / "spec.json")
    assert spec.temperature == made["chosen"]["temperature"]
    assert spec.scores["dev"]["accuracy"] == made["chosen"]["accuracy"]


def test_a_finished_folder_is_left_alone_and_other_settings_refused(stages, trained):
    before = (trained / "weights.safetensors").stat().st_mtime_ns
    assert train(CONFIG, *stages, trained, quiet=True) == trained
    assert (trained / "weights.safetensors").stat().st_mtime_ns == before
    with pytest.raises(StageError, match=r"config\.seed"):
        train(CONFIG.model_copy(update={"seed": 1}), *stages, trained, quiet=True)


def test_an_unknown_block_is_refused(stages, tmp_path):
    config = CONFIG.model_copy(update={"trainable": "conv7"})
    with pytest.raises(ConfigError, match="conv7"):
        train(config, *stages, tmp_path / "model", quiet=True)


@pytest.mark.slow
def test_kill_9_at_three_moments_changes_nothing(stages, trained, tmp_path):
    out = tmp_path / "model"
    work = out.with_name("model.partial")
    arguments = [CONFIG.model_dump_json(), *map(str, stages), str(out)]
    command = [sys.executable, "-c", DRIVER, *arguments]
    for wanted in (0, 1, 3):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        waited = time.monotonic() + 60
        while epochs_done(work) < wanted and process.poll() is None:
            assert time.monotonic() < waited
            time.sleep(0.01)
        if not wanted:  # before the first epoch ends
            while not (work / CHECKPOINT).exists() and process.poll() is None:
                assert time.monotonic() < waited
                time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True)
    expected, found = (load_file(f / "weights.safetensors") for f in (trained, out))
    for name, tensor in expected.items():
        np.testing.assert_allclose(found[name].numpy(), tensor.numpy(), rtol=0, atol=1e-6)
    assert without_times(out) == without_times(trained)


def epochs_done(work):
    try:
        return len(without_times(work))
    except OSError:
        return 0


def without_times(folder):
    with (folder / "log.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


def test_the_training_prior_follows_the_sampling():
    targets = np.repeat(np.eye(7, dtype=np.float32), [70, 10, 4, 4, 4, 4, 4], axis=0)
    np.testing.assert_allclose(training_prior(targets, 0.0), targets.mean(0), rtol=1e-5)
    np.testing.assert_allclose(training_prior(targets, 1.0), np.full(7, 1 / 7), rtol=1e-5)


SHORT = CONFIG.model_copy(
    update={"recipe": CONFIG.recipe.model_copy(update={"epochs": 1, "balanced_epochs": 0})}
)


@pytest.fixture
def licensed(stages, tmp_path):
    """Returns a function that gives the faces a source with these terms."""

    def sources(use):
        faces = tmp_path / "faces"
        shutil.copytree(stages[0], faces)
        info = SourceInfo("drawn", "Drawn faces", "research only", use, "", "")
        write_sources([Source("drawn", "drawn", tmp_path, {}, info)], faces)
        return faces, stages[1]

    return sources


def test_the_weights_carry_the_licence_of_their_data(licensed, tmp_path):
    out = train(SHORT, *licensed("no"), tmp_path / "model", quiet=True)
    spec = ModelSpec.read(out / "spec.json")
    assert spec.commercial_use == "no"
    assert spec.training_data == ("Drawn faces: research only",)


def test_no_more_is_claimed_than_the_data_allow(licensed, tmp_path):
    config = SHORT.model_copy(update={"commercial_use": "yes"})
    with pytest.raises(ConfigError, match=r'commercial_use = "yes".*"no": Drawn faces: research'):
        train(config, *licensed("no"), tmp_path / "model", quiet=True)


def test_augmented_faces_are_trained_on_too(stages, tmp_path):
    more = augment(AugmentConfig(total=200, jobs=1), *stages, tmp_path / "more")
    out = train(SHORT, *stages, tmp_path / "model", augmented=more, quiet=True)
    counts = read_meta(out)["counts"]
    assert (counts["train"], counts["dev"]) == (200, 70)
    with pytest.raises(StageError, match=r"inputs\.augmented"):
        train(SHORT, *stages, tmp_path / "model", quiet=True)
