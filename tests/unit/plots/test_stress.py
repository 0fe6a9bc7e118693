"""The curves under change: written whole, the same again, with and without a reference."""

from __future__ import annotations

from pathlib import Path

import PIL.Image
import polars as pl
import pytest

from mien.plots.stress import curves

pytest.importorskip("matplotlib")


def table(roles: tuple[str, ...] = ("dev",), found: float = 1.0) -> pl.DataFrame:
    rows = [
        {
            "role": role, "corruption": name, "strength": s, "accuracy": 0.9 - s / 10,
            "confidence": None if s == 5 else 0.8, "abstained": s / 10,
            "detected": 1 - (1 - found) * s, "low": None if s == 0 else 0.8 - s / 10,
            "high": None if s == 0 else 1 - s / 10,
        }
        for role in roles
        for name, strengths in (("none", [0]), ("blur", [1, 3, 5]), ("hide_eyes", [1, 3, 5]))
        for s in strengths
    ]  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def test_curves_are_drawn_and_the_same_again(tmp_path: Path) -> None:
    first = curves(table(), tmp_path / "a.png", "A model, chips")
    again = curves(table(), tmp_path / "b.png", "A model, chips")
    assert first.read_bytes() == again.read_bytes()
    with PIL.Image.open(first) as picture:
        assert picture.width > 1000
        assert len(picture.convert("L").getcolors() or []) > 8


def test_a_reference_and_more_roles_are_drawn(tmp_path: Path) -> None:
    two = table(("dev", "unseen"), found=0.9)
    alone = curves(two, tmp_path / "a.png")
    beside = curves(two, tmp_path / "b.png", "A model", table(("dev", "unseen")), "another")
    assert alone.read_bytes() != beside.read_bytes()
