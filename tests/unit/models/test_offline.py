"""Offline augmentation: one changed copy of a face, the same for the same arguments."""

import cv2
import numpy as np
import pytest

from mien.models.offline import Changes, changed

CHIP = np.kron(
    np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8),
    np.ones((16, 16, 1), np.uint8),
)


def test_seed_parent_and_number_make_the_face() -> None:
    first, recipe = changed(CHIP, "id", 0, Changes())
    again, same = changed(CHIP, "id", 0, Changes())
    assert np.array_equal(first, again)
    assert recipe == same
    others = [("id", 1, Changes()), ("other", 0, Changes()), ("id", 0, Changes(seed=1))]
    for other in others:
        assert not np.array_equal(first, changed(CHIP, *other)[0])


def test_a_mirror_image_is_made_once() -> None:
    flip = Changes(changes=("flip",))
    flipped, recipe = changed(CHIP, "id", 0, flip)
    assert recipe == {"flip": True}
    assert np.array_equal(flipped, CHIP[:, ::-1])
    both = Changes(changes=("flip", "noise"))
    for number in range(1, 30):
        assert changed(CHIP, "id", number, both)[1] != {"flip": True}


@pytest.mark.parametrize(("name", "limit"), [("rotation", 10.0), ("blur", 2.0), ("noise", 6.0)])
def test_changes_stay_in_their_range_and_can_be_repeated(name: str, limit: float) -> None:
    settings = Changes(changes=(name,))  # type: ignore[arg-type]
    for number in range(20):
        face, recipe = changed(CHIP, "id", number, settings)
        assert face.shape == CHIP.shape
        assert face.dtype == np.uint8
        value = recipe[name]["level"] if name == "noise" else recipe[name]
        assert 0 < abs(value) <= limit
        if name == "blur":
            assert np.array_equal(face, cv2.GaussianBlur(CHIP, (0, 0), value))
        if name == "noise":
            assert abs((face.astype(int) - CHIP).std() - value) < 0.5 * value
        if name == "rotation":
            middle = (len(CHIP) - 1) / 2
            turn = cv2.getRotationMatrix2D((middle, middle), value, 1.0)
            moved = cv2.warpAffine(CHIP, turn, (256, 256), borderMode=cv2.BORDER_REPLICATE)
            assert np.array_equal(face, moved)
