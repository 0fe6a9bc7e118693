from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from mien.core.artifact import digest
from mien.core.types import BBox
from mien.faces.align import TEMPLATE
from mien.faces.ert import VIEW, Ert
from mien.faces.ert_training import Jitter, TreeOptions, grow, views

SMALL = TreeOptions(cascades=3, trees=12, depth=3, pool=60, oversampling=5)


def picture(x: float, y: float, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """A face of five discs on a slope: no photograph, but it has landmarks."""
    points = (TEMPLATE - 128) * scale + [x, y]
    rows, columns = np.mgrid[:200, :200]
    image = (rows // 4 + 60).astype(np.uint8)
    for px, py in points:
        image[(rows - py) ** 2 + (columns - px) ** 2 < (14 * scale) ** 2] = 220
    return image, points.astype(np.float32)


def samples(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(1)
    found = []
    for _ in range(count):
        image, points = picture(*random.uniform(90, 110, 2), random.uniform(0.5, 0.8))
        found += views(image, points, None, Jitter(), random)
    return found


def test_views_are_what_the_trees_will_meet() -> None:
    image, points = picture(100, 100, 0.7)
    box = BBox(60, 60, 150, 150)
    seen = list(views(image, points, box, Jitter(), np.random.default_rng(0)))
    assert len(seen) == 4
    assert len(list(views(image, points, None, Jitter(), np.random.default_rng(0)))) == 2
    for view, there in seen:
        assert view.shape == (VIEW, VIEW)
        assert view.dtype == np.uint8
        for x, y in np.rint(there).astype(int):
            assert view[y, x] > 180  # on its disc
    np.testing.assert_allclose(
        seen[0][1].mean(0) - (VIEW - 1) / 2, (points.mean(0) - 104.5) * 112 / 90, atol=0.01
    )


def test_jitter_is_what_it_is_told() -> None:
    image, points = picture(100, 100, 0.7)
    still = Jitter(place=0, size=0, turn=0)
    first, second = views(image, points, None, still, np.random.default_rng(0))
    mirror = second[1][[1, 0, 2, 4, 3]] * [-1, 1] + [VIEW - 1, 0]
    np.testing.assert_allclose(first[1], mirror, atol=1e-4)
    np.testing.assert_allclose(first[1].mean(0), (VIEW - 1) / 2, atol=1e-4)


def test_the_trees_learn_and_the_same_seed_grows_the_same_trees(tmp_path: Path) -> None:
    taught = samples(25)
    for name in ("a.dat", "b.dat"):
        grow(taught, SMALL, 3, tmp_path / name)
    assert digest(tmp_path / "a.dat") == digest(tmp_path / "b.dat")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dat", "b.dat"]
    image, points = picture(97, 104, 0.66)
    side = 256 / 1.75 * 0.66
    x, y = points.mean(0)
    box = BBox(x - side / 2 + 5, y - side / 2, x + side / 2 + 5, y + side / 2)
    found = Ert(tmp_path / "a.dat").place(np.repeat(image[..., None], 3, 2), box)
    eyes = np.hypot(*(points[1] - points[0]))
    assert np.hypot(*(found - points).T).mean() < 0.1 * eyes


def test_settings_are_strict() -> None:
    with pytest.raises(ValidationError):
        TreeOptions(tress=3)  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        Jitter(place=-1)
    assert TreeOptions(**{"lambda": 0.2}).lambda_ == 0.2
