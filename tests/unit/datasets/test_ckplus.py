"""CK+: peaks and neutral frames of sequences, and labels that are missing, empty or spoilt."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.types import Rejection, Sample
from mien.datasets import ckplus as module
from mien.datasets.ckplus import CkPlus
from trees import ckplus, draw


def _scan(root: Path, **options: object) -> tuple[dict[str, Sample], dict[str, str]]:
    """Returns the samples and the reasons by ``person_sequence_frame``, or by name."""
    samples, reasons = {}, {}
    for item in CkPlus(**options).scan(root):  # type: ignore[arg-type]  # the reader checks them
        stem = item.path.rpartition("/")[2].removesuffix(".png")
        if isinstance(item, Sample):
            samples[stem] = item
        else:
            reasons[stem] = item.reason
    return samples, reasons


def test_the_whole_tree(tmp_path: Path) -> None:
    expected = ckplus.build(tmp_path)
    samples, reasons = _scan(tmp_path)
    assert (len(samples), len(reasons)) == expected
    assert Counter(s.label for s in samples.values()) == {
        "neutral": 8, "anger": 3, "contempt": 3, "disgust": 3, "fear": 3, "happy": 6,
        "sadness": 3, "surprise": 3,
    }  # fmt: skip
    assert Counter(reasons.values()) == {
        "not_selected": 9, "no_label": 5, "unknown_label": 2, "no_file": 1, "unmatched": 1,
    }  # fmt: skip


def test_the_example_of_the_readme(tmp_path: Path) -> None:
    ckplus.build(tmp_path)
    samples, reasons = _scan(tmp_path)
    found = {stem: s.label for stem, s in samples.items() if stem.startswith("S005")}
    assert found == {
        "S005_001_00000001": "neutral",
        "S005_001_00000009": "disgust",
        "S005_001_00000010": "disgust",
        "S005_001_00000011": "disgust",
    }
    peak = samples["S005_001_00000011"]
    assert (peak.subject, peak.sequence, peak.frame) == ("S005", "S005/001", 11)
    assert (peak.dataset, peak.intensity, peak.pose) == ("ckplus", None, "frontal")
    assert reasons["S005_001_00000005"] == "not_selected"


def test_the_first_frame_need_not_have_the_number_one(tmp_path: Path) -> None:
    ckplus.build(tmp_path)
    samples, _ = _scan(tmp_path)
    assert samples["S501_001_00000003"].label == "neutral"
    assert samples["S501_001_00000008"].label == "happy"


def test_no_label_is_not_neutral_unless_asked(tmp_path: Path) -> None:
    ckplus.build(tmp_path)
    samples, reasons = _scan(tmp_path)
    assert not {"S999", "S895"} & {s.subject for s in samples.values()}
    assert reasons["S999_003_00000001"] == reasons["S895_002_00000002"] == "no_label"
    samples, reasons = _scan(tmp_path, neutral_from="all")
    assert samples["S999_003_00000001"].label == samples["S895_002_00000001"].label == "neutral"
    assert reasons["S999_003_00000002"] == reasons["S895_002_00000002"] == "no_label"
    assert len(samples) == 34


def test_a_spoilt_label_costs_its_whole_sequence(tmp_path: Path) -> None:
    ckplus.build(tmp_path)
    samples, reasons = _scan(tmp_path, neutral_from="all")
    assert "S037" not in {s.subject for s in samples.values()}
    assert reasons["S037_001_00000001"] == reasons["S037_001_00000002"] == "unknown_label"
    items = list(CkPlus().scan(tmp_path))
    detail = [i.detail for i in items if isinstance(i, Rejection) and i.reason == "unknown_label"]
    assert detail == ["its label reads '9.0000000e+00', not 0 to 7"] * 2


@pytest.mark.parametrize("text", ["", "happy", "2.5", "nan", "-1.0", "1e999", "   8.0000000e+00"])
def test_texts_that_are_no_code(tmp_path: Path, text: str) -> None:
    ckplus.sequence(tmp_path, "S011", "002", range(1, 5))
    ckplus.label(tmp_path, "S011", "002", 4, text)
    samples, reasons = _scan(tmp_path)
    assert not samples
    assert Counter(reasons.values()) == {"unknown_label": 4}


@pytest.mark.parametrize("text", ["   5.0000000e+00\n", "5", "\t5.0 \r\n", "5.0 6.0"])
def test_texts_that_are_one(tmp_path: Path, text: str) -> None:
    ckplus.sequence(tmp_path, "S011", "002", range(1, 5))
    ckplus.label(tmp_path, "S011", "002", 4, text)
    samples, _ = _scan(tmp_path)
    assert [s.label for s in samples.values()] == ["neutral", "happy", "happy", "happy"]


def test_labels_in_two_places_have_to_agree(tmp_path: Path) -> None:
    for number in ("001", "002"):
        ckplus.sequence(tmp_path, "S011", number, range(1, 5))
        ckplus.label(tmp_path, "S011", number, 4, "   5.0000000e+00")
    ckplus.label(tmp_path, "S011", "001", 4, "   5.0000000e+00\n", top="Emotion")
    ckplus.label(tmp_path, "S011", "002", 4, "   7.0000000e+00\n", top="Emotion")
    samples, reasons = _scan(tmp_path)
    assert {s.sequence for s in samples.values()} == {"S011/001"}
    assert Counter(reasons.values()) == {"conflicting_labels": 4}


def test_a_label_without_its_peak_counts_for_nothing(tmp_path: Path) -> None:
    ckplus.build(tmp_path)
    (tmp_path / ckplus.IMAGES / "S005" / "001" / "S005_001_00000011.png").unlink()
    samples, reasons = _scan(tmp_path)
    assert "S005" not in {s.subject for s in samples.values()}
    assert reasons["S005_001_00000011_emotion.txt"] == "no_file"
    assert reasons["S042_001_00000017_emotion.txt"] == "no_file"
    assert reasons["S005_001_00000010"] == "no_label"


def test_other_numbers_of_frames(tmp_path: Path) -> None:
    ckplus.build(tmp_path)
    samples, _ = _scan(tmp_path, peak_frames=1, neutral_frames=0)
    assert [s.label for s in samples.values() if s.subject == "S005"] == ["disgust"]
    samples, _ = _scan(tmp_path, peak_frames=0.5, neutral_frames=0.2)
    found = [s.label for s in samples.values() if s.subject == "S005"]
    assert found == ["neutral"] * 2 + ["disgust"] * 5
    samples, _ = _scan(tmp_path, peak_frames=99)
    assert "neutral" not in {s.label for s in samples.values()}


def test_the_short_folders_and_other_spellings_are_read(tmp_path: Path) -> None:
    top = tmp_path / "cohn-kanade-images" / "s005" / "001"
    for frame in (1, 2):
        draw(top / f"s005_001_{frame:08}.PNG", frame)
    ckplus.label(tmp_path, "S005", "001", 2, "3.0", top="Emotion")
    found = list(CkPlus().scan(tmp_path))
    assert [(i.label, i.subject) for i in found if isinstance(i, Sample)] == [
        ("disgust", "S005"), ("disgust", "S005"),
    ]  # fmt: skip


def test_the_archives_may_stay_packed(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    ckplus.build(plain)
    packed.mkdir()
    for name in ("extended-cohn-kanade-images", "Emotion_labels"):
        shutil.make_archive(str(packed / name), "zip", plain / name)
    samples, _ = _scan(packed)
    assert {s.id for s in samples.values()} == {s.id for s in _scan(plain)[0].values()}
    place = "extended-cohn-kanade-images.zip!/cohn-kanade-images/S005/001/S005_001_00000011.png"
    assert samples["S005_001_00000011"].path == place


def test_empty_pictures_are_told(tmp_path: Path) -> None:
    ckplus.build(tmp_path)
    (tmp_path / ckplus.IMAGES / "S005" / "001" / "S005_001_00000011.png").write_bytes(b"")
    assert _scan(tmp_path)[1]["S005_001_00000011"] == "empty"


def test_a_sequence_in_two_places_is_an_error(tmp_path: Path) -> None:
    ckplus.build(tmp_path)
    old = tmp_path / "cohn-kanade" / "S010" / "001" / "S010_001_01594215.png"  # of CK, 2000
    draw(old, 900)
    with pytest.raises(DataError, match=r"S010/001 lies in both .*first edition"):
        _scan(tmp_path)
    old.unlink()
    draw(tmp_path / ckplus.IMAGES / "S010" / "001" / "S010_001_00000002.jpg", 901)
    with pytest.raises(DataError, match="are the same frame"):
        _scan(tmp_path)


def test_what_is_not_ckplus_is_told(tmp_path: Path) -> None:
    ckplus.sequence(tmp_path, "S005", "001", range(1, 5))
    with pytest.raises(DataError, match=r"no label of an emotion.*add Emotion_labels\.zip"):
        _scan(tmp_path)
    for number in range(5):
        draw(tmp_path / f"{number}.png", number)
    with pytest.raises(DataError, match="4 of 9 entries match"):
        _scan(tmp_path)


def test_options_are_checked() -> None:
    for name in ("peak_frames", "neutral_frames"):
        for take in (-1, 0.0, 1.5, True):
            with pytest.raises(ConfigError, match=name):
                CkPlus(**{name: take})  # type: ignore[arg-type]  # so does a settings file
    with pytest.raises(ConfigError, match="labelled or all"):
        CkPlus(neutral_from="none")


@settings(max_examples=50)
@given(st.integers(0, 999), st.integers(0, 999), st.integers(0, 99_999_999), st.booleans())
def test_names_survive_the_grammar(subject: int, number: int, frame: int, upper: bool) -> None:
    stem = f"S{subject:03}_{number:03}_{frame:08}"
    for pattern, name in ((module._NAME, f"{stem}.png"), (module._LABEL, f"{stem}_emotion.txt")):
        match = pattern.search(name.upper() if upper else name.lower())
        assert match is not None
        assert module._sequence(match) == f"S{subject:03}/{number:03}"
        assert int(match["frame"]) == frame
    assert module._NAME.search(f"{stem}_emotion.txt") is None
    assert module._LABEL.search(f"{stem}_facs.txt") is None
