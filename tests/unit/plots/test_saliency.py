from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien.core.facial_parts import PARTS, outlines, part_map
from mien.core.spec import Preprocess
from mien.plots.saliency import Panel, beside, class_maps

GREY = np.full((48, 48, 3), 128, np.uint8)


def test_red_speaks_for_and_blue_against() -> None:
    found = np.zeros((48, 48), np.float32)
    found[:24], found[24:] = 2.0, -2.0
    found[:, :20] = 0
    drawn = beside(GREY, found, "5-happy  98.00%", ["one", "two"]).astype(int)
    right = drawn[:, drawn.shape[1] // 2 :]
    reds = (right[..., 0] - right[..., 2] > 60).sum(axis=1)
    blues = (right[..., 2] - right[..., 0] > 60).sum(axis=1)
    assert reds.max() > 150 < blues.max()
    assert np.flatnonzero(reds).max() < np.flatnonzero(blues).min()
    left = drawn[60:300, 20:320]
    assert (left == 128).all()  # the input itself, untouched
    assert len(beside(GREY, found, "t")) < len(drawn)
    assert (GREY == 128).all()


def test_an_empty_map_leaves_the_face_as_it_is() -> None:
    drawn = beside(GREY, np.zeros((48, 48), np.float32), "0-neutral")
    assert (drawn[60:300, 345:660] == 128).all()


@pytest.mark.parametrize("behind", [None, np.random.default_rng(0).random((48, 48))])
def test_a_page_of_class_maps(tmp_path: Path, behind: np.ndarray | None) -> None:
    pytest.importorskip("matplotlib")
    given = Preprocess()
    peak = np.zeros((48, 48), np.float32)
    peak[30:40, 15:33] = 1
    panels = [Panel("a", peak, behind), Panel("none", 0 * peak, behind)]
    path = class_maps(panels, outlines(given), (part_map(given), PARTS), tmp_path / "s.png", "t")
    with PIL.Image.open(path) as picture:
        assert picture.width > 1000
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert (pixels[..., 0] - pixels[..., 1] > 90).mean() > 0.005
