import functools
import importlib.resources
import json
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from mien.core.artifact import digest
from mien.core.errors import ChecksumError, ModelError
from mien.core.images import decode
from mien.core.quality import Quality
from mien.core.spec import CHIP_SIZE
from mien.core.types import Face, Image
from mien.faces import quality
from mien.faces.align import TEMPLATE, FivePointAligner, similarity
from mien.faces.hog import Hog
from mien.faces.quality import CELLS, covered, ellipse, face_square, measure
from mien.faces.yunet import YuNet

ASSETS = importlib.resources.files("mien") / "assets" / "quality"
SIDE = CHIP_SIZE / 1.75
LOW = (CHIP_SIZE - SIDE) / 2


@functools.cache
def _found(data: bytes, shape: tuple[int, ...]) -> Face:
    faces = Hog().detect(np.frombuffer(data, np.uint8).reshape(shape))
    return max(faces, key=lambda face: face.score)


def face_of(image: Image) -> Face:
    return _found(image.tobytes(), image.shape)


def chip_of(image: Image) -> Image:
    return FivePointAligner().align(image, face_of(image))


def shrunk(image: Image, side: float) -> Image:
    """Returns the chip of the picture made so small that its face has the given side."""
    points = face_of(image).landmarks
    assert points is not None
    ratio = side / (SIDE / math.sqrt(np.linalg.det(similarity(points)[:, :2])))
    small = cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    scale = np.array([small.shape[1] / image.shape[1], small.shape[0] / image.shape[0]])
    moved = ((points + 0.5) * scale - 0.5).astype(np.float32)
    return FivePointAligner().align(small, replace(face_of(image), landmarks=moved))


def patched(image: Image, low: tuple[float, float], high: tuple[float, float], fill: int) -> Image:
    """Returns the chip of the picture with a block over part of the face, in shares of its side."""
    points = face_of(image).landmarks
    assert points is not None
    back = cv2.invertAffineTransform(similarity(points))
    corners = LOW + SIDE * np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    drawn = image.copy()
    cv2.fillPoly(drawn, [np.rint(corners @ back[:, :2].T + back[:, 2]).astype(int)], (fill,) * 3)
    return FivePointAligner().align(drawn, face_of(image))


def grey(levels: np.ndarray) -> Image:
    return np.ascontiguousarray(np.repeat(levels[..., None], 3, 2).astype(np.uint8))


def textured(seed: int = 0) -> Image:
    noise = np.random.default_rng(seed).normal(0, 1, (CHIP_SIZE, CHIP_SIZE))
    soft = sum(cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (2, 4, 8, 16))
    return grey(np.clip(128 + 12 * soft, 0, 255))


def test_what_ships_is_what_the_code_names() -> None:
    with importlib.resources.as_file(ASSETS / "occlusion.onnx") as path:
        assert digest(path) == quality.SHA256
        assert path.stat().st_size <= 300_000
    said = json.loads((ASSETS / "occlusion.onnx.json").read_text())
    assert said["sha256"] == quality.SHA256


def test_a_portrait_is_seen_well(portrait: Image) -> None:
    found = measure(chip_of(portrait), 123.5)
    assert isinstance(found, Quality)
    assert all(type(value) is float for value in found.as_tuple())
    assert found.size == 123.5
    assert found.sharpness > 0.5
    assert 0.2 < found.exposure < 0.8
    assert 0.2 < found.contrast < 0.9
    assert abs(found.shade) < 0.3
    assert found.occlusion < 0.1


def test_the_same_chip_gives_the_same_numbers(portrait: Image) -> None:
    chip = chip_of(portrait)
    kept = chip.copy()
    assert measure(chip, 50) == measure(chip, 50)
    np.testing.assert_array_equal(chip, kept)


def test_threads_do_not_disturb_each_other(portrait: Image) -> None:
    chips = [chip_of(portrait), patched(portrait, (0, 0.5), (1, 1), 60)]
    expected = [measure(chip, 0) for chip in chips]
    wrong = []

    def work(index: int) -> None:
        wrong.extend(1 for _ in range(40) if measure(chips[index], 0) != expected[index])

    threads = [threading.Thread(target=work, args=(index % 2,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    "chip",
    [
        np.zeros((CHIP_SIZE, CHIP_SIZE), np.uint8),
        np.zeros((48, 48, 3), np.uint8),
        np.zeros((CHIP_SIZE, CHIP_SIZE, 3), np.float32),
    ],
)
def test_what_is_no_chip_is_refused(chip: np.ndarray) -> None:
    with pytest.raises(ValueError, match="A chip is"):
        measure(chip, 1)


def test_blur_lowers_the_sharpness(portrait: Image) -> None:
    chip = chip_of(portrait)
    blurred = [cv2.GaussianBlur(chip, (0, 0), sigma) for sigma in (0.5, 1, 1.5, 2, 3, 4, 6, 8)]
    found = [measure(one, 1).sharpness for one in (chip, *blurred)]
    assert (np.diff(found) < 0).all()
    assert found[-1] < 0.75 * found[0]


def test_few_pixels_lower_the_sharpness(portrait: Image) -> None:
    found = [measure(shrunk(portrait, side), side).sharpness for side in (96, 64, 48, 32, 24, 16)]
    assert (np.diff(found) < 0).all()
    assert found[-1] < 0.75 * found[0]
    assert found[-2] < 0.56  # enlarging a small face does not make it sharp


def test_a_larger_picture_is_no_sharper_than_can_be_used(astronaut: Image) -> None:
    large = cv2.resize(astronaut, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    small = measure(chip_of(astronaut), 1).sharpness
    assert measure(chip_of(large), 1).sharpness == pytest.approx(small, rel=0.05)


@pytest.mark.parametrize(("gain", "offset"), [(0.5, 0), (0.7, 60), (0.4, 20)])
def test_gain_and_offset_leave_the_sharpness(portrait: Image, gain: float, offset: float) -> None:
    chip = chip_of(portrait)
    other = np.rint(chip * gain + offset).clip(0, 255).astype(np.uint8)
    assert measure(other, 1).sharpness == pytest.approx(measure(chip, 1).sharpness, rel=0.02)


def test_noise_hardly_raises_the_sharpness(portrait: Image) -> None:
    noise = np.random.default_rng(0).normal(0, 10, portrait.shape[:2])[..., None]
    noisy = np.clip(portrait + noise, 0, 255).astype(np.uint8)
    chip = FivePointAligner().align(noisy, face_of(portrait))
    assert measure(chip, 1).sharpness == pytest.approx(
        measure(chip_of(portrait), 1).sharpness, rel=0.1
    )


@given(st.integers(0, 255))
@settings(deadline=None, max_examples=20)
def test_a_plain_chip_has_its_level_and_nothing_else(level: int) -> None:
    found = measure(np.full((CHIP_SIZE, CHIP_SIZE, 3), level, np.uint8), 7)
    assert found.exposure == pytest.approx(level / 255, abs=1e-6)
    assert (found.sharpness, found.contrast, found.shade) == (0, 0, 0)
    assert 0 <= found.occlusion <= 1


def test_two_halves_of_a_drawn_picture() -> None:
    levels = np.full((CHIP_SIZE, CHIP_SIZE), 40)
    levels[:, CHIP_SIZE // 2 :] = 120
    found = measure(grey(levels), 1)
    assert found.exposure == pytest.approx(80 / 255, abs=1e-3)
    assert found.contrast == pytest.approx(80 / 255, abs=1e-3)
    assert found.shade == pytest.approx(80 / 160, abs=1e-3)
    assert measure(grey(levels[:, ::-1]), 1).shade == pytest.approx(-0.5, abs=1e-3)


def test_only_the_face_counts() -> None:
    levels = np.full((CHIP_SIZE, CHIP_SIZE), 90)
    y, x = np.mgrid[:CHIP_SIZE, :CHIP_SIZE]
    far = np.hypot((x - 127.5) / (0.5 * SIDE), (y - 127.5) / (0.56 * SIDE)) > 1
    levels[far] = np.random.default_rng(0).integers(0, 256, int(far.sum()))
    found = measure(grey(levels), 1)
    assert found.exposure == pytest.approx(90 / 255, abs=1e-3)
    assert (found.contrast, found.shade) == (0, 0)


def test_the_luma_weighs_the_colours() -> None:
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        chip = np.zeros((CHIP_SIZE, CHIP_SIZE, 3), np.uint8)
        chip[..., channel] = 255
        assert measure(chip, 1).exposure == pytest.approx(weight, abs=3e-3)


def test_a_mirror_turns_the_shade_and_nothing_else(portrait: Image) -> None:
    for chip in (chip_of(portrait), textured()):
        found, other = measure(chip, 9), measure(np.ascontiguousarray(chip[:, ::-1]), 9)
        assert abs(found.shade) > 1e-3
        assert other.shade == pytest.approx(-found.shade, abs=1e-3)
        assert other.sharpness == pytest.approx(found.sharpness, rel=1e-3)
        assert other.exposure == pytest.approx(found.exposure, abs=1e-3)
        assert other.contrast == pytest.approx(found.contrast, abs=5e-3)


def test_a_mirrored_face_is_as_covered(portrait: Image) -> None:
    for chip in (chip_of(portrait), patched(portrait, (0.5, 0.1), (1, 0.7), 30)):
        found = measure(chip, 1).occlusion
        other = measure(np.ascontiguousarray(chip[:, ::-1]), 1).occlusion
        assert other == pytest.approx(found, abs=0.08)


@given(
    stn.arrays(np.uint8, (8, 8, 3)),
    st.sampled_from([cv2.INTER_NEAREST, cv2.INTER_LINEAR]),
    st.floats(0, 1e5),
)
@settings(deadline=None)
def test_any_chip_gives_numbers_in_their_ranges(pixels: np.ndarray, how: int, size: float) -> None:
    chip = cv2.resize(pixels, (CHIP_SIZE, CHIP_SIZE), interpolation=how)
    found = measure(chip, size)
    assert np.isfinite(found.as_tuple()).all()
    assert found.size == size
    assert found.sharpness >= 0
    assert 0 <= found.exposure <= 1
    assert 0 <= found.contrast <= 1
    assert -1 <= found.shade <= 1
    assert 0 <= found.occlusion <= 1


@pytest.mark.parametrize(
    ("low", "high"),
    [((0, 0.5), (1, 1)), ((0, 0), (0.5, 1)), ((0.03, 0.22), (0.97, 0.48)), ((0, 0), (1, 0.5))],
    ids=["mouth", "half", "eyes", "top"],
)
@pytest.mark.parametrize("fill", [10, 120, 235])
def test_what_covers_a_face_is_seen(
    portrait: Image, low: tuple[float, float], high: tuple[float, float], fill: int
) -> None:
    clean = measure(chip_of(portrait), 1)
    found = measure(patched(portrait, low, high, fill), 1)
    assert found.occlusion > clean.occlusion + 0.1


def test_the_cells_tell_where(portrait: Image) -> None:
    shares = covered(face_square(patched(portrait, (-0.1, 0.55), (1.1, 1.1), 60)))
    assert shares.shape == (CELLS, CELLS)
    inside = ellipse(CELLS)
    assert shares[6:][inside[6:]].mean() > 0.8
    assert shares[:5][inside[:5]].mean() < 0.2


def test_light_and_blur_cover_nothing(portrait: Image) -> None:
    chip = chip_of(portrait)
    x = np.linspace(-1, 1, CHIP_SIZE)[None, :, None]
    others = [
        chip * 0.45,
        255 - (255 - chip.astype(float)) * 0.6,
        chip * (1 + 0.5 * x),
        cv2.GaussianBlur(chip, (0, 0), 3),
        shrunk(portrait, 32),
    ]
    for other in others:
        assert measure(np.clip(other, 0, 255).astype(np.uint8), 1).occlusion < 0.15


def test_the_ellipse_is_the_same_in_the_mirror_and_holds_the_landmarks() -> None:
    inside = ellipse(64)
    np.testing.assert_array_equal(inside, inside[:, ::-1])
    for x, y in (TEMPLATE - LOW) / SIDE * 64 - 0.5:
        assert inside[round(y), round(x)]
    assert not inside[0].any()
    with pytest.raises(ValueError, match="read-only"):
        inside[0, 0] = True


def test_an_altered_file_is_never_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    quality._shipped.cache_clear()
    monkeypatch.setattr(quality, "SHA256", "0" * 64)
    monkeypatch.setattr(cv2.dnn, "readNetFromONNX", lambda path: pytest.fail("it was loaded"))
    with pytest.raises(ChecksumError, match="was altered"):
        measure(textured(), 1)
    quality._shipped.cache_clear()


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    quality._shipped.cache_clear()
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path)
    with pytest.raises(ModelError, match=r"occlusion\.onnx is missing"):
        measure(textured(), 1)
    quality._shipped.cache_clear()


def test_on_real_photos_covered_faces_stand_out(
    unpacked: Callable[[str], Path], yunet: YuNet
) -> None:
    taught = importlib.resources.files("mien") / "assets" / "landmarks" / "internet_third.txt"
    listed = set(taught.read_text().split())  # never those that mien is scored on
    paths = [
        path
        for path in sorted((unpacked("internet") / "images").glob("*"))
        if digest(path) in listed
    ][:80]
    assert len(paths) == 80
    random = np.random.default_rng(0)
    clean, hidden = [], []
    for path in paths:
        image = decode(path)
        (face, *_) = yunet.detect(image) or [None]
        if face is None:
            continue
        chip = FivePointAligner().align(image, face)
        clean.append(measure(chip, 1).occlusion)
        x, y = (LOW + SIDE * random.uniform(0.1, 0.4, 2)).astype(int)
        chip[y : y + int(0.55 * SIDE), x : x + int(0.55 * SIDE)] = random.integers(0, 256)
        hidden.append(measure(chip, 1).occlusion)
    wins = np.greater.outer(hidden, clean).mean()
    assert len(clean) >= 75
    assert np.median(clean) < 0.05
    assert wins > 0.95
