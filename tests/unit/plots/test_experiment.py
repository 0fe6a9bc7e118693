"""The bars of an experiment."""

import cv2

from mien.plots.experiment import bars


def test_a_panel_a_split_and_what_was_not_measured_is_said(tmp_path):
    one = {"validation": 0.9, "test": 0.8, "unseen": None}
    two = {"validation": 0.9, "test": 0.8, "unseen": 0.4}
    path = bars(
        {"a": {"net\nscratch": one}, "b": {"net\nface": two, "net\nx": two}}, tmp_path / "a.png"
    )
    first = path.read_bytes()
    assert cv2.imread(str(path)).shape[0] > 700
    single = bars({"a": {"net\nscratch": two}}, tmp_path / "b.png")
    assert single.read_bytes() != first
