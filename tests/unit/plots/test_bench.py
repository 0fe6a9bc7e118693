"""Speed and memory as one figure."""

from __future__ import annotations

from pathlib import Path

import PIL.Image
import pytest

from mien.plots.bench import Bars, Rates, bench

pytest.importorskip("matplotlib")

STAGES = Bars("Stages", "ms an item", {"decode": 1.2, "detect": 4.4, "end to end": 6.3})
NETWORKS = Bars(
    "From file to answer", "pictures/s", {"alexnet": 90.0, "mobile": 200.0}, {"alexnet": 2.1},
    "the thesis", powers=True,
)  # fmt: skip
RATES = Rates(
    "One thread", "faces/s",
    {"onnx fp32": [(1, 300.0), (8, 500.0)], "onnx int8": [(1, 500.0), (8, 900.0)]},
    {"fp32": 2000.0, "int8": 8000.0},
)  # fmt: skip


def test_panels_stand_below_each_other_and_the_same_again(tmp_path: Path) -> None:
    one = bench([STAGES], tmp_path / "one.png")
    whole = bench([STAGES, RATES, NETWORKS], tmp_path / "whole.png")
    again = bench([STAGES, RATES, NETWORKS], tmp_path / "again.png")
    assert whole.read_bytes() == again.read_bytes()
    with PIL.Image.open(one) as small, PIL.Image.open(whole) as large:
        assert small.width == large.width
        assert small.height < large.height / 2


def test_what_compares_is_drawn(tmp_path: Path) -> None:
    bare = Bars(NETWORKS.title, NETWORKS.unit, NETWORKS.values, powers=True)
    free = Rates(RATES.title, RATES.unit, RATES.lines, {})
    for full, less in ((NETWORKS, bare), (RATES, free)):
        first = bench([full], tmp_path / "a.png").read_bytes()
        assert first != bench([less], tmp_path / "b.png").read_bytes()


def test_a_machine_that_can_run_nothing_is_drawn(tmp_path: Path) -> None:
    assert bench([Rates("None", "faces/s", {}, {"fp32": 10.0})], tmp_path / "a.png").is_file()
