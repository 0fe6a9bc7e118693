"""DMD: faces of drivers at a few frames a second, unlabelled."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core import images, tree
from mien.core.errors import ConfigError, DataError
from mien.core.types import Rejection, Sample
from mien.datasets import dmd as module
from mien.datasets.dmd import Dmd
from trees import dmd
from trees.clips import clip

pytest.importorskip("av")

FIRST = f"gA_1_s1_{dmd.TIME}_rgb_face"


def _scan(root: Path, **options: Any) -> tuple[list[Sample], list[Rejection]]:
    found = list(Dmd(**options).scan(root))
    samples = [item for item in found if isinstance(item, Sample)]
    return samples, [item for item in found if isinstance(item, Rejection)]


def test_the_whole_tree(tmp_path: Path) -> None:
    expected = dmd.build(tmp_path)
    samples, rejections = _scan(tmp_path)
    assert (len(samples), len(rejections)) == expected
    assert [(s.subject, s.frame) for s in samples] == [
        ("gA_1", 0), ("gA_1", 10), ("gA_1", 20), ("gA_1", 29), ("gB_7", 0), ("gB_7", 9),
    ]  # fmt: skip
    assert {s.label for s in samples} == {None}
    assert {s.light for s in samples} == {None}
    assert samples[0].sequence == FIRST
    assert samples[1].path == f"dmd/gA/1/s1/{FIRST}.mp4!/10"
    assert images.decode(tree.picture(tmp_path, samples[1].path)).shape == (24, 32, 3)
    assert Counter(item.reason for item in rejections) == {
        "not_selected": 5, "unmatched": 1, "empty": 1,
    }  # fmt: skip
    assert Dmd.info.audit_only


def test_other_rates_and_streams(tmp_path: Path) -> None:
    dmd.build(tmp_path)
    assert len(_scan(tmp_path, rate=100)[0]) == 30 + 10
    assert len(_scan(tmp_path, rate=5)[0]) == 16 + 6
    samples, _ = _scan(tmp_path, streams=["ir"])
    assert [(s.subject, s.frame, s.light) for s in samples] == [
        ("gA_1", 0, "near infrared"), ("gA_1", 9, "near infrared"),
    ]  # fmt: skip
    assert len(_scan(tmp_path, streams=["rgb", "ir"])[0]) == 8


def test_what_a_driver_does_may_be_the_sequence(tmp_path: Path) -> None:
    dmd.build(tmp_path)
    samples, rejections = _scan(tmp_path, rate=2, sequences="activity")
    assert [(s.frame, s.sequence) for s in samples] == [
        (0, "safe_drive"), (5, "safe_drive"), (10, "safe_drive"), (15, "drinking"),
        (20, "drinking"),
    ]  # fmt: skip
    reasons = Counter(item.reason for item in rejections)
    assert (reasons["no_activity"], reasons["no_annotation"]) == (2, 1)  # one file has none


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[]", '{"openlabel": {}}', '{"openlabel": {"actions": {"0": {}}}}',
     '{"openlabel": {"actions": {"0": {"type": "driver_actions/radio", "frame_intervals": 3}}}}'],
)  # fmt: skip
def test_a_spoilt_annotation_is_told(tmp_path: Path, text: str) -> None:
    dmd.video(tmp_path, "gA_1", "s1", "rgb_face", 1, seconds=1)
    dmd.annotation(tmp_path, "gA_1", "s1", {}).write_text(text)
    assert len(_scan(tmp_path)[0]) == 2  # it is not needed otherwise
    samples, rejections = _scan(tmp_path, sequences="activity")
    assert not samples
    assert [item.reason for item in rejections] == ["no_annotation"]
    assert "is no annotation of DMD" in rejections[0].detail


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0}, "above 0"),
        ({"rate": True}, "above 0"),
        ({"rate": "5"}, "above 0"),
        ({"streams": ()}, "some of rgb and ir"),
        ({"streams": "rgb"}, "some of rgb and ir"),
        ({"streams": ["depth"]}, "some of rgb and ir"),
        ({"sequences": "driver"}, "file or activity"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Dmd(**options)


def test_other_trees_are_told(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        clip(tmp_path / f"{name}.mp4", 2)
    with pytest.raises(DataError, match=r"0 of 3 entries match.*Expected gA/1/s1/gA_1_s1"):
        _scan(tmp_path)


@given(
    st.sampled_from("ABCDEFZ"),
    st.integers(1, 99),
    st.integers(1, 7),
    st.sampled_from([dmd.TIME, "2019-03-13T10_36_15+01_00", "x"]),
    st.sampled_from(["rgb", "ir", "depth", "RGB"]),
    st.sampled_from(["face", "body", "hands", "mosaic"]),
)
def test_names_survive_the_grammar(
    group: str, subject: int, session: int, time: str, stream: str, view: str
) -> None:
    match = module._NAME.search(f"g{group}_{subject}_s{session}_{time}_{stream}_{view}.mp4")
    assert match is not None
    assert match.groups() == (f"g{group}", str(subject), f"s{session}", time, stream, view)
