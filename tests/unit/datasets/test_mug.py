"""MUG: the peak is in the middle, for a sequence falls back to neutral."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.types import Sample
from mien.datasets import mug as module
from mien.datasets.mug import SUBJECTS, Mug
from trees import draw, mug


def _scan(root: Path, **options: object) -> tuple[dict[str, Sample], dict[str, str]]:
    """Returns the samples and the reasons by path."""
    samples, reasons = {}, {}
    for item in Mug(**options).scan(root):  # type: ignore[arg-type]  # the reader checks them
        if isinstance(item, Sample):
            samples[item.path] = item
        else:
            reasons[item.path] = item.reason
    return samples, reasons


def _frames(samples: dict[str, Sample], sequence: str) -> dict[int | None, str | None]:
    return {s.frame: s.label for s in samples.values() if s.sequence == sequence}


def test_the_whole_tree(tmp_path: Path) -> None:
    expected = mug.build(tmp_path)
    samples, reasons = _scan(tmp_path)
    assert (len(samples), len(reasons)) == expected
    assert Counter(s.label for s in samples.values()) == {
        "anger": 3, "disgust": 3, "fear": 6, "happy": 3, "sadness": 3, "surprise": 6,
        "neutral": 11,
    }  # fmt: skip
    assert Counter(reasons.values()) == {"not_selected": 44, "unmatched": 1}


def test_peaks_are_in_the_middle(tmp_path: Path) -> None:
    mug.build(tmp_path)
    samples, reasons = _scan(tmp_path)
    anger = _frames(samples, "001/anger/take000")
    assert anger == {0: "neutral", 3: "anger", 4: "anger", 5: "anger"}
    assert reasons["subjects3/001/anger/take000/img_0008.jpg"] == "not_selected"
    fear = _frames(samples, "005/fear/take000")
    assert fear == {0: "neutral", 1: "fear", 2: "fear", 3: "fear"}
    one = samples["subjects3/001/anger/take000/img_0004.jpg"]
    assert (one.subject, one.dataset, one.split) == ("001", "mug", None)


def test_a_neutral_sequence_gives_its_middle(tmp_path: Path) -> None:
    mug.build(tmp_path)
    samples, _ = _scan(tmp_path)
    assert _frames(samples, "001/neutral/take000") == dict.fromkeys((3, 4, 5), "neutral")


def test_sessions_and_numbers_without_zeros(tmp_path: Path) -> None:
    mug.build(tmp_path)
    samples, _ = _scan(tmp_path)
    found = _frames(samples, "084/session1/surprise/take002")
    assert found == {0: "neutral", 4: "surprise", 5: "surprise", 6: "surprise"}


def test_other_numbers_of_frames(tmp_path: Path) -> None:
    mug.build(tmp_path)
    samples, _ = _scan(tmp_path, peak_frames=1, neutral_frames=2)
    found = _frames(samples, "001/sadness/take000")
    assert found == {0: "neutral", 1: "neutral", 4: "sadness"}
    samples, _ = _scan(tmp_path, peak_frames=1.0)
    assert set(_frames(samples, "001/sadness/take000").values()) == {"sadness"}
    samples, _ = _scan(tmp_path, peak_frames=0, neutral_frames=0)
    assert not samples


def test_a_short_sequence_gives_its_peak_first(tmp_path: Path) -> None:
    mug.take(tmp_path / "002" / "anger" / "take000", range(4))
    samples, reasons = _scan(tmp_path)
    assert _frames(samples, "002/anger/take000") == dict.fromkeys((0, 1, 2), "anger")
    assert list(reasons.values()) == ["not_selected"]


def test_people_beyond_the_list(tmp_path: Path) -> None:
    mug.build(tmp_path)
    assert len(SUBJECTS) == 52
    samples, reasons = _scan(tmp_path, subjects="listed")
    assert {s.subject for s in samples.values()} == {"001", "084"}
    assert Counter(reasons.values())["not_listed"] == 5
    assert {s.subject for s in _scan(tmp_path)[0].values()} == {"001", "005", "084"}


def test_frames_without_a_folder_of_takes(tmp_path: Path) -> None:
    mug.take(tmp_path / "002" / "anger", range(5))
    samples, _ = _scan(tmp_path)
    assert _frames(samples, "002/anger") == {0: "neutral", 1: "anger", 2: "anger", 3: "anger"}


def test_the_archive_may_stay_packed(tmp_path: Path) -> None:
    mug.build(tmp_path / "plain")
    shutil.make_archive(str(tmp_path / "mug"), "tar", tmp_path / "plain", "subjects3")
    samples, _ = _scan(tmp_path / "mug.tar")
    assert len(samples) == 35
    assert all(path.startswith("mug.tar!/") for path in samples)


def test_copies_and_other_trees_are_told(tmp_path: Path) -> None:
    mug.build(tmp_path)
    shutil.copytree(tmp_path / "subjects3" / "001", tmp_path / "001")
    with pytest.raises(DataError, match="are the same frame"):
        _scan(tmp_path)
    for number in range(3):
        draw(tmp_path / "other" / f"{number}.jpg", number)
    with pytest.raises(DataError, match="0 of 3 entries match"):
        _scan(tmp_path / "other")


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="peak_frames"):
        Mug(peak_frames=-3)
    with pytest.raises(ConfigError, match="neutral_frames"):
        Mug(neutral_frames=1.5)
    with pytest.raises(ConfigError, match="any or listed"):
        Mug(subjects="all")


@settings(max_examples=50)
@given(
    st.integers(0, 999),
    st.sampled_from(["", "session0/", "session1/", "Session12/"]),
    st.sampled_from(mug.EXPRESSIONS),
    st.sampled_from(["", "take000/", "take12/", "a1/"]),
    st.sampled_from(["", "img_", "2004_07_", "take3-"]),
    st.integers(0, 99_999),
)
def test_paths_survive_the_grammar(
    subject: int, session: str, expression: str, take: str, stem: str, frame: int
) -> None:
    match = module._PATH.search(f"x/{subject:03}/{session}{expression}/{take}{stem}{frame}.jpg")
    assert match is not None
    assert int(match["frame"]) == frame
    assert module._sequence(match) == f"{subject:03}/{session}{expression}/{take}".rstrip("/")
