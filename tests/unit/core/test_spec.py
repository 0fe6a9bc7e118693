"""The description of a model, its operating point, and the only way from a chip to an input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mien.core.artifact import write_json
from mien.core.errors import ModelError
from mien.core.labels import CLASSES
from mien.core.spec import (
    CHIP_SIZE,
    ModelSpec,
    Preprocess,
    level_light,
    prepare,
    resized_cut,
)

NATURAL = (0.34, 0.11, 0.01, 0.03, 0.26, 0.12, 0.13)


def make(**options: Any) -> ModelSpec:
    base = {"name": "m", "network": "n", "weight_licence": "x", "commercial_use": "unknown"}
    return ModelSpec(**{**base, **options})


def chips(value: int | None = None, n: int = 2) -> Any:
    shape = (n, CHIP_SIZE, CHIP_SIZE, 3)
    if value is not None:
        return np.full(shape, value, np.uint8)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_a_spec_survives_its_file(tmp_path: Path) -> None:
    spec = make(prior=dict(zip(CLASSES, NATURAL, strict=True)), files={"model.onnx": "ab"})
    write_json(tmp_path / "spec.json", spec.model_dump(mode="json"))
    assert ModelSpec.read(tmp_path / "spec.json") == spec


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "m"}', '{"schema_version": 9}'])
def test_a_wrong_file_is_a_model_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "spec.json").write_text(text)
    with pytest.raises(ModelError, match=r"spec\.json is not a model's description"):
        ModelSpec.read(tmp_path / "spec.json")


def test_a_missing_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="A model is a folder that holds"):
        ModelSpec.read(tmp_path / "spec.json")


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": ("happy", "sad")},
        {"classes": tuple(reversed(CLASSES))},
        {"temperature": 0},
        {"stray": 1},
        {"commercial_use": "maybe"},
        {"preprocess": {"input_size": 4}},
    ],
)
def test_wrong_fields_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make(**wrong)


logits = st.lists(st.lists(st.floats(-30, 30, width=32), min_size=7, max_size=7), min_size=1)


@given(logits, st.floats(0.1, 10), st.sampled_from(["natural", "balanced", None]))
def test_probabilities_are_shares(rows: Any, temperature: float, prior: Any) -> None:
    spec = make(training_prior=NATURAL, temperature=temperature)
    shares = spec.probabilities(np.array(rows, np.float32), prior)
    assert shares.dtype == np.float32
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)


def test_the_operating_point_moves_logits_by_the_prior_then_divides() -> None:
    rows = np.random.default_rng(1).normal(0, 2, (5, 7)).astype(np.float32)
    spec = make(training_prior=NATURAL, temperature=1.5)
    natural = np.array(NATURAL) / sum(NATURAL)
    for prior, target in (("natural", natural), ("balanced", np.full(7, 1 / 7))):
        odds = (np.exp(rows.astype(float)) * target / natural) ** (1 / 1.5)
        expected = odds / odds.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(spec.probabilities(rows, prior), expected, rtol=1e-4)  # type: ignore[arg-type]
    own = make(training_prior=NATURAL, temperature=1.5, prior="balanced")
    assert (own.probabilities(rows) == spec.probabilities(rows, "balanced")).all()


def test_class_shares_are_made_to_sum_to_one_and_checked() -> None:
    spec = make()
    shares = spec.target_prior(dict.fromkeys(CLASSES, 0.5))
    np.testing.assert_allclose(shares, 1 / 7, rtol=1e-6)
    with pytest.raises(ModelError, match="above 0"):
        spec.target_prior({**dict.fromkeys(CLASSES, 0.5), "fear": 0.0})
    for wrong in ({"fear": 1.0}, "uniform", {**dict.fromkeys(CLASSES, 0.1), "pain": 0.1}):
        with pytest.raises(ModelError, match=r"is not known\. Expected 'natural', 'balanced'"):
            spec.target_prior(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (2, 1, 48, 48)),
        ({"colour": "rgb", "mean": (1, 2, 3), "std": (4, 5, 6), "input_size": 64}, (2, 3, 64, 64)),
        ({"normalisation": "per-image", "interpolation": "linear", "margin": 0.75}, (2, 1, 48, 48)),
    ],
)
def test_inputs_have_the_networks_shape(options: Any, shape: tuple[int, ...]) -> None:
    batch = prepare(chips(), Preprocess(**options))
    assert batch.shape == shape
    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous


def test_inputs_are_scaled_as_stated() -> None:
    np.testing.assert_allclose(prepare(chips(255), Preprocess()), 127.5 / 64)
    rgb = Preprocess(colour="rgb", mean=(0, 100, 200), std=(1, 2, 4))
    batch = prepare(chips(200), rgb)
    np.testing.assert_allclose(batch[0, :, 0, 0], [200, 50, 0])
    per_image = Preprocess(normalisation="per-image")
    varied = prepare(chips(), per_image)
    np.testing.assert_allclose(varied.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    assert (prepare(chips(90), per_image) == 0).all()


def test_the_cut_is_the_stated_margin_around_the_centre() -> None:
    picture = chips(0, 1)
    low = round((CHIP_SIZE - CHIP_SIZE * 1.25 / 1.75) / 2)
    picture[:, low : CHIP_SIZE - low, low : CHIP_SIZE - low] = 255
    assert (prepare(picture, Preprocess(margin=0.25)) > 1.9).all()
    assert prepare(picture, Preprocess(margin=0.75))[0, 0, 0, 0] < -1.9


def test_no_chips_give_an_empty_batch() -> None:
    assert prepare(chips(0, 0), Preprocess()).shape == (0, 1, 48, 48)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((256, 256, 3), np.uint8),
        np.zeros((1, 48, 48, 3), np.uint8),
        np.zeros((1, 256, 256), np.uint8),
        np.zeros((1, 256, 256, 3), np.float32),
    ],
)
def test_other_arrays_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="256, 256, 3"):
        prepare(wrong, Preprocess())


@pytest.mark.parametrize("colour", ["grey", "rgb"])
def test_levelled_light_is_the_same_for_every_cut(colour: Any) -> None:
    chip = np.random.default_rng(5).integers(60, 90, (CHIP_SIZE, CHIP_SIZE, 3), dtype=np.uint8)
    options: dict[str, Any] = {"colour": colour, "input_size": 256, "margin": 0.75}
    plain, level = (
        resized_cut(chip, Preprocess(illumination=name, **options)) for name in ("none", "clahe")
    )
    assert level.std() > 1.5 * plain.std()
    assert np.array_equal(level, level_light(chip if colour == "rgb" else plain))
    cut = {**options, "margin": 0.25, "input_size": 182}  # 37 pixels less on each side
    half = resized_cut(chip, Preprocess(illumination="clahe", **cut))
    assert np.array_equal(half, level[37:219, 37:219])


def test_one_sided_light_is_levelled_and_hues_stay() -> None:
    ramp = np.linspace(30, 220, CHIP_SIZE)[None, :, None] * np.array([1.0, 0.8, 0.6])
    noise = np.random.default_rng(0).normal(0, 6, (CHIP_SIZE, CHIP_SIZE, 1))
    chip = np.clip(ramp + noise, 0, 255).astype(np.uint8)
    level = level_light(chip)
    assert level.shape == chip.shape
    left, right = (slice(0, 64), slice(192, 256))
    before = chip[:, right].mean() - chip[:, left].mean()
    after = level[:, right].mean() - level[:, left].mean()
    assert after < 0.8 * before
    assert level[..., 0].mean() > level[..., 1].mean() > level[..., 2].mean()


def test_an_older_description_still_reads(tmp_path: Path) -> None:
    kept = {"name": "x", "network": "n", "weight_licence": "l", "commercial_use": "yes"}
    write_json(tmp_path / "spec.json", {**kept, "preprocess": {"margin": 0.25}})
    spec = ModelSpec.read(tmp_path / "spec.json")
    assert spec.preprocess.aligner == "five-point"
    assert spec.preprocess.illumination == "none"
    assert spec.thresholds.max_yaw is None
