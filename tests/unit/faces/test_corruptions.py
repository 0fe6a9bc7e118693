"""Every corruption at every strength: same size, same draws, more of it with strength."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mien.core.errors import ConfigError, InputError
from mien.core.images import encode_png
from mien.core.origins import Source
from mien.core.quality import Quality
from mien.core.spec import FIVE_POINTS
from mien.core.types import BBox, Face, Image
from mien.faces.align import TEMPLATE, FivePointAligner
from mien.faces.changed import Chips, Photos, Stored
from mien.faces.corruption_place import SIDE, Place
from mien.faces.corruptions import (
    CORRUPTIONS,
    STRENGTHS,
    corrupt,
    corrupt_photo,
    families,
    listed,
)

NAMES = list(CORRUPTIONS)
KEY = (0, "a face")
DRAWN_ON_THE_FACE = [n for n, f in families().items() if f == "occlusion"]
"""What leaves the corners of a photo as they are."""
CHIP_FACE = Face(
    BBox(55, 55, 201, 220), 1.0, "drawn", TEMPLATE.astype(np.float32),
    quality=Quality(100.0, 0.5, 0.5, 0.5, 0.0, 0.0),
)  # fmt: skip


def draw_face(background: Image) -> Image:
    """Returns a chip with a face: an oval, eyes, brows, a nose and a mouth at their places."""
    chip = np.ascontiguousarray(background)
    spots = TEMPLATE.round().astype(int)
    cv2.ellipse(chip, (128, 135), (62, 80), 0, 0, 360, (214, 168, 140), -1)
    for x, y in spots[:2].tolist():
        cv2.circle(chip, (x, y), 7, (60, 40, 30), -1)
        cv2.line(chip, (x - 14, y - 18), (x + 14, y - 18), (50, 34, 28), 4)
    cv2.circle(chip, tuple(spots[2].tolist()), 5, (180, 120, 100), -1)
    cv2.line(chip, tuple(spots[3].tolist()), tuple(spots[4].tolist()), (150, 50, 50), 6)
    grain = np.random.default_rng(1).integers(-12, 13, chip.shape)
    return np.clip(chip + cv2.blur(grain.astype(np.float32), (3, 3)), 0, 255).astype(np.uint8)


@functools.cache
def chips(count: int = 4) -> list[Image]:
    """Returns smooth coloured pictures with a drawn face on each."""
    random = np.random.default_rng(3)
    found = []
    for _ in range(count):
        coarse = random.integers(60, 200, (9, 9, 3)).astype(np.uint8)
        found.append(draw_face(np.kron(coarse, np.ones((29, 29, 1), np.uint8))[:256, :256]))
    return found


def distance(one: Image, other: Image) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize("name", NAMES)
def test_a_change_keeps_its_form_its_input_and_its_draws(name: str) -> None:
    chip = chips(1)[0]
    before = chip.copy()
    assert corrupt(chip, name, 0, KEY) is chip
    for strength in STRENGTHS:
        found = corrupt(chip, name, strength, KEY)
        assert found.shape == (256, 256, 3)
        assert found.dtype == np.uint8
        assert not np.shares_memory(found, chip)
        np.testing.assert_array_equal(found, corrupt(chip, name, strength, KEY))
    np.testing.assert_array_equal(chip, before)


@pytest.mark.parametrize("name", NAMES)
def test_more_strength_is_further_away_on_average(name: str) -> None:
    pictures = chips()
    means = [
        np.mean([distance(c, corrupt(c, name, s, (0, str(i)))) for i, c in enumerate(pictures)])
        for s in (0, *STRENGTHS)
    ]
    assert np.all(np.diff(means) > 0), means


@pytest.mark.parametrize("name", ["shadow", "roll", "yaw_warp", "mask", "hand", "noise"])
def test_another_face_or_seed_gives_other_draws(name: str) -> None:
    chip = chips(1)[0]
    found = {corrupt(chip, name, 5, (seed, str(i))).tobytes() for seed in (0, 1) for i in range(6)}
    assert len(found) > 1


@pytest.mark.parametrize("name", [n for n in NAMES if n != "colour_cast"])
def test_a_grey_chip_stays_grey(name: str) -> None:
    grey = np.repeat(chips(1)[0][:, :, :1], 3, axis=2)
    for strength in (1, 5):
        found = corrupt(grey, name, strength, KEY)
        assert np.ptp(found.astype(int), axis=2).max() <= (2 if name == "jpeg" else 0)
    if name == "grey":
        np.testing.assert_array_equal(found, grey)


@settings(max_examples=25, deadline=None)
@given(
    arrays.arrays(np.uint8, (8, 8, 3)),
    st.sampled_from(NAMES),
    st.integers(0, 5),
    st.tuples(st.integers(0, 9), st.text(max_size=5)),
)
def test_any_chip_can_be_changed(
    small: Image, name: str, strength: int, key: tuple[int, str]
) -> None:
    chip = np.kron(small, np.ones((32, 32, 1), np.uint8))
    found = corrupt(chip, name, strength, key)
    assert found.shape == chip.shape
    assert found.dtype == np.uint8


def test_covers_lie_where_the_landmarks_are() -> None:
    chip = np.full((256, 256, 3), 150, np.uint8)
    chip[:, :, 0] = 180

    def hidden(name: str, point: tuple[float, float], strength: int = 5) -> bool:
        x, y = Place.chip().points([point])[0].round().astype(int)
        return distance(corrupt(chip, name, strength, KEY)[y, x], chip[y, x]) > 20

    left, right, nose, corner, _ = FIVE_POINTS
    assert hidden("sunglasses", left)
    assert hidden("sunglasses", right)
    assert not hidden("sunglasses", nose)
    assert hidden("mask", nose)
    assert hidden("mask", corner)
    assert not hidden("mask", left)
    assert not hidden("mask", nose, 1)
    for name, point, strength in (("mask", (0.5, 0.95), 1), ("sunglasses", left, 1)):
        assert hidden(name, point, strength)


def test_hidden_parts_are_plain() -> None:
    random = np.random.default_rng(0)
    chip = random.integers(0, 256, (256, 256, 3)).astype(np.uint8)
    for name, point in (
        ("hide_eyes", FIVE_POINTS[0]),
        ("hide_brows", (FIVE_POINTS[0][0], FIVE_POINTS[0][1] - 0.13)),
        ("hide_nose", (0.5, 0.56)),
        ("hide_mouth", (0.5, FIVE_POINTS[3][1])),
    ):
        x, y = Place.chip().points([point])[0].round().astype(int)
        found = corrupt(chip, name, 5, KEY)
        assert found[y - 2 : y + 3, x - 2 : x + 3].std(axis=(0, 1)).max() < 1
        assert chip[y - 2 : y + 3, x - 2 : x + 3].std() > 30


def test_the_units_are_what_the_table_says() -> None:
    chip = np.full((256, 256, 3), 100, np.uint8)
    assert corrupt(chip, "gain_down", 1, KEY).max() == 80
    assert corrupt(chip, "noise", 1, KEY).std() == pytest.approx(5, rel=0.1)
    warm = corrupt(chip, "colour_cast", 2, KEY)[0, 0].tolist()
    assert sorted(warm) == [80, 100, 120]
    assert warm[1] == 100


@pytest.mark.parametrize(
    ("name", "strength"), [("fog", 1), ("blurr", 1), ("blur", 6), ("blur", -1)]
)
def test_an_unknown_change_is_refused(name: str, strength: int) -> None:
    with pytest.raises(ConfigError, match=r"no corruption|0 to 5"):
        corrupt(chips(1)[0], name, strength, KEY)
    with pytest.raises(ConfigError, match="Did you mean 'blur'"):
        corrupt(chips(1)[0], "blurr", 1, KEY)


@pytest.mark.parametrize("chip", [np.zeros((64, 64, 3), np.uint8), np.zeros((256, 256, 3))])
def test_what_is_no_chip_is_refused(chip: Image) -> None:
    with pytest.raises(ValueError, match="A chip is"):
        corrupt(chip, "blur", 1, KEY)


def test_the_table_names_every_change() -> None:
    lines = listed().splitlines()
    assert [line.split()[0] for line in lines[1:]] == NAMES
    assert set(families().values()) == {"illumination", "pose", "occlusion", "quality"}


# In photos


def photo_of(chip: Image, scale: float, turn: float) -> tuple[Image, Face]:
    """Returns a photo that shows a chip larger and turned, and where its face lies."""
    angle = np.deg2rad(turn)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([300, 260]) - linear @ [128, 128]
    matrix = np.hstack([linear, shift[:, None]])
    photo = cv2.warpAffine(chip, matrix, (620, 520), borderMode=cv2.BORDER_REPLICATE)
    points = (TEMPLATE @ linear.T + shift).astype(np.float32)
    low, high = points.min(0) - 40, points.max(0) + 40
    return np.asarray(photo, np.uint8), Face(BBox(*low, *high), 1.0, "drawn", points)


@pytest.mark.parametrize("name", NAMES)
def test_a_change_in_a_photo_is_that_in_its_chip(name: str) -> None:
    chip = chips(1)[0]
    photo, face = photo_of(chip, 1.5, 20)
    before = photo.copy()
    assert corrupt_photo(photo, face, name, 0, KEY) is photo
    changed = corrupt_photo(photo, face, name, 4, KEY)
    np.testing.assert_array_equal(photo, before)
    assert changed.shape == photo.shape
    assert distance(changed, photo) > 0.01
    if name in DRAWN_ON_THE_FACE:
        np.testing.assert_array_equal(changed[:20], photo[:20])
    if name not in ("noise", "jpeg"):  # their grain is laid on the photo's own grid
        align = FivePointAligner().align
        inner = slice(56, 200)
        seen = (
            align(changed, face)[inner, inner],
            corrupt(align(photo, face), name, 4, KEY)[inner, inner],
        )
        assert distance(*seen) < 0.25 * distance(seen[0], align(photo, face)[inner, inner]) + 1


def test_a_place_is_a_similarity() -> None:
    _, face = photo_of(chips(1)[0], 1.5, 20)
    place = Place.of(face)
    assert place.side == pytest.approx(1.5 * SIDE, rel=1e-3)
    assert place.angle == pytest.approx(20, abs=0.1)
    points = place.points(FIVE_POINTS)
    np.testing.assert_allclose(points, face.landmarks, atol=0.2)
    u, v = place.shares(points[:, 0], points[:, 1])
    np.testing.assert_allclose(np.stack([u, v], axis=1), FIVE_POINTS, atol=1e-9)


def test_a_face_at_the_rim_or_outside_is_drawn_as_far_as_it_shows() -> None:
    photo = np.full((40, 40, 3), 120, np.uint8)
    for shift in (-150, 20, 400):
        face = Face(BBox(0, 0, 9, 9), 1.0, "drawn", (TEMPLATE + shift).astype(np.float32))
        for name in NAMES:
            assert corrupt_photo(photo, face, name, 5, KEY).shape == photo.shape


def test_a_photo_without_landmarks_is_refused() -> None:
    face = Face(BBox(0, 0, 9, 9), 1.0, "box")
    with pytest.raises(InputError, match="no landmarks"):
        corrupt_photo(np.zeros((40, 40, 3), np.uint8), face, "mask", 1, KEY)


# As a model gets to see them


def test_chips_are_measured_again() -> None:
    stored = Stored(("a", "home", "a.png"), CHIP_FACE, encode_png(chips(1)[0]))
    clean, dark = Chips(0).cuts(stored, "gain_down", (0, 5))
    assert clean is not None
    assert dark is not None
    np.testing.assert_array_equal(clean.chip, stored.chip())
    assert dark.face.quality.exposure < 0.3 * clean.face.quality.exposure
    assert dark.face.quality.size == 100.0


def test_photos_are_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, face = photo_of(chips(1)[0], 1.0, 0)
    monkeypatch.setattr("mien.faces.changed.picture", lambda *_: photo)
    sources: dict[str, Source] = {}
    setting = Photos(0, sources, {"detectors": ("full-frame",)})
    stored = Stored(("a", "home", "a.png"), face, b"")
    found = setting.cuts(stored, "blur", (0, 3))
    assert [cut is not None and cut.face.detector for cut in found] == ["full-frame"] * 2
    elsewhere = Face(BBox(0, 0, 20, 20), 1.0, "drawn", face.landmarks)
    assert (
        setting.cuts(Stored(("a", "home", "a.png"), elsewhere, b""), "blur", (0, 3)) == [None] * 2
    )
    blind = Face(BBox(0, 0, 20, 20), 1.0, "box")
    assert setting.cuts(Stored(("a", "home", "a.png"), blind, b""), "blur", (0,)) == [None]
