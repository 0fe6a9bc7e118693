"""Mean maps by class: each face weighs the same, and what speaks against is left out."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import ModelError
from mien.core.facial_parts import PARTS, areas, part_map
from mien.core.labels import CLASSES
from mien.core.spec import Preprocess
from mien.metrics.saliency import ClassMaps, map_table, page, part_table, table

GIVEN = Preprocess()


def maps_on(*parts: str) -> np.ndarray:
    return np.stack([part_map(GIVEN) == PARTS.index(part) for part in parts]).astype(np.float32)


@pytest.fixture
def gathered() -> ClassMaps:
    found = ClassMaps(GIVEN)
    strong_and_weak = maps_on("mouth", "eyes") * np.array([100, 0.1], np.float32)[:, None, None]
    parts = found.add(np.array([4, 4]), strong_and_weak - maps_on("chin", "chin"))
    assert parts[:, PARTS.index("chin")].tolist() == [0, 0]
    found.add(np.array([3, 4]), np.stack([maps_on("brows")[0], -np.ones((48, 48), np.float32)]))
    return found


def test_each_face_weighs_the_same(gathered: ClassMaps) -> None:
    means = gathered.means()
    assert [one.name for one in means] == list(CLASSES)
    happy = means[4]
    assert (happy.n, happy.empty) == (2, 1)
    assert happy.mean.sum() == pytest.approx(1, abs=1e-5)
    assert happy.parts[PARTS.index("mouth")] == pytest.approx(0.5, abs=1e-5)
    assert happy.parts[PARTS.index("eyes")] == pytest.approx(0.5, abs=1e-5)
    assert np.isnan(means[0].parts).all()
    assert not means[0].mean.any()


def test_parts_that_stand_out_are_named_for_their_size(gathered: ClassMaps) -> None:
    means = gathered.means()
    eyes = 0.5 / areas(GIVEN)[PARTS.index("eyes")]
    assert means[4].stressed(GIVEN, 2).startswith(f"eyes x{eyes:.1f}, mouth x")
    assert means[0].stressed(GIVEN) == "no face"


def test_a_map_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ModelError, match="NaN"):
        ClassMaps(GIVEN).add(np.array([0]), np.full((1, 48, 48), np.nan, np.float32))


def test_the_page_and_the_tables(gathered: ClassMaps) -> None:
    pl = pytest.importorskip("polars")
    means = gathered.means()
    lines = table(means, GIVEN).splitlines()
    assert lines[2].startswith("| 0-neutral | 0 | - |")
    assert lines[-1].startswith("| area | | 4% |")
    assert len({line.count("|") for line in lines}) == 1
    text = page("t", "Drawn.", means, "occlusion", GIVEN)
    assert "Left out: 1 faces" in text
    assert "cannot" in text
    assert "aligner" not in text
    assert "aligner 'eye-line'" in page("t", "", means, "gradcam", Preprocess(aligner="eye-line"))
    maps = map_table(means)
    assert maps.schema["map"] == pl.Array(pl.Float32, (48, 48))
    np.testing.assert_array_equal(maps["map"].to_numpy()[4], means[4].mean)
    parts = part_table(means, GIVEN)
    assert len(parts) == 7 * len(PARTS)
    assert parts.filter(pl.col("class") == "neutral")["share"].null_count() == len(PARTS)
