"""Oulu-CASIA: peaks and neutral frames, cameras and lights, and never both sets of pictures."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.core.types import Sample
from mien.datasets import oulu_casia as module
from mien.datasets.oulu_casia import OuluCasia
from trees import draw, oulu_casia

STRONG = f"{oulu_casia.TOP}/VL/Strong"


def _scan(root: Path, **options: object) -> tuple[dict[str, Sample], dict[str, str]]:
    """Returns the samples and the reasons by path."""
    samples, reasons = {}, {}
    for item in OuluCasia(**options).scan(root):  # type: ignore[arg-type]  # the reader checks them
        if isinstance(item, Sample):
            samples[item.path] = item
        else:
            reasons[item.path] = item.reason
    return samples, reasons


def test_the_whole_tree(tmp_path: Path) -> None:
    expected = oulu_casia.build(tmp_path)
    samples, reasons = _scan(tmp_path)
    assert (len(samples), len(reasons)) == expected
    assert Counter(s.label for s in samples.values()) == {
        "anger": 6, "disgust": 6, "fear": 3, "happy": 3, "sadness": 3, "surprise": 3,
        "neutral": 6,
    }  # fmt: skip
    assert Counter(reasons.values()) == {"not_selected": 28, "unmatched": 1}
    assert reasons[f"{oulu_casia.TOP}/VL/cover.jpeg"] == "unmatched"


def test_sequences_open_neutral_and_end_at_the_apex(tmp_path: Path) -> None:
    oulu_casia.build(tmp_path)
    samples, reasons = _scan(tmp_path)
    labels = [
        samples[path].label if (path := f"{STRONG}/P001/Fear/{frame:03}.jpeg") in samples else None
        for frame in range(6)
    ]
    assert labels == ["neutral", None, None, "fear", "fear", "fear"]
    assert reasons[f"{STRONG}/P001/Fear/001.jpeg"] == "not_selected"
    one = samples[f"{STRONG}/P001/Fear/005.jpeg"]
    assert (one.subject, one.sequence, one.frame) == ("P001", "P001/VL/strong/Fear", 5)
    assert (one.light, one.dataset, one.gender) == ("strong VL", "oulu-casia", None)


def test_frames_sort_by_their_numbers(tmp_path: Path) -> None:
    for frame in range(8, 12):
        draw(tmp_path / "VL/Strong/P003/Sadness" / f"{frame}.jpg", frame)
    samples, _ = _scan(tmp_path)
    assert {s.frame: s.label for s in samples.values()} == {
        8: "neutral", 9: "sadness", 10: "sadness", 11: "sadness",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "lights"),
    [
        ({}, {"strong VL"}),
        ({"spectrum": "NI"}, {"strong NI"}),
        ({"spectrum": "both"}, {"strong VL", "strong NI"}),
        ({"lights": ["Dark", "Weak"]}, {"dark VL", "weak VL"}),
        ({"lights": ("Normal",)}, {"strong VL"}),
        (
            {"lights": ["dark", "STRONG", "weak"], "spectrum": "both"},
            {"strong VL", "dark VL", "weak VL", "strong NI", "dark NI"},
        ),
    ],
)
def test_cameras_and_lights(tmp_path: Path, options: dict[str, object], lights: set[str]) -> None:
    samples_and_rejections = sum(oulu_casia.build(tmp_path))
    samples, reasons = _scan(tmp_path, **options)
    assert {s.light for s in samples.values()} == lights
    assert len(samples) + len(reasons) == samples_and_rejections


def test_what_is_left_out_says_why(tmp_path: Path) -> None:
    oulu_casia.build(tmp_path)
    details = {item.path: getattr(item, "detail", "") for item in OuluCasia().scan(tmp_path)}
    top = oulu_casia.TOP
    assert details[f"{top}/NI/Dark/P001/Anger/003.jpeg"] == "the options leave out dark NI"
    assert details[f"{STRONG}/P001/Anger/001.jpeg"] == "between neutral and the peak"


def test_other_names_of_cameras_and_lights(tmp_path: Path) -> None:
    oulu_casia.sequence(tmp_path / "VIS" / "Normal" / "P010" / "happiness", range(4))
    oulu_casia.sequence(tmp_path / "NIR" / "dark" / "p010" / "Anger", range(4))
    samples, _ = _scan(tmp_path, spectrum="both", lights=["Dark", "Strong"])
    assert Counter((s.subject, s.light, s.label) for s in samples.values()) == {
        ("P010", "strong VL", "happy"): 3,
        ("P010", "strong VL", "neutral"): 1,
        ("P010", "dark NI", "anger"): 3,
        ("P010", "dark NI", "neutral"): 1,
    }


@pytest.mark.parametrize(
    "top",
    [
        "OriginalImg",
        "PreProcess Img",
        "C_PreprocessImg/C_PreprocessImg/PreProcess Img",
        "Oulu_CASIA_NIR_VIS",
        "",
    ],
)
def test_every_root_is_found(tmp_path: Path, top: str) -> None:
    oulu_casia.sequence(tmp_path / top / "VL" / "Strong" / "P001" / "Anger", range(5))
    assert len(_scan(tmp_path)[0]) == 4


def test_both_sets_at_once_need_a_choice(tmp_path: Path) -> None:
    for top in ("OriginalImg", "PreProcess Img"):
        oulu_casia.sequence(tmp_path / top / "VL" / "Strong" / "P001" / "Anger", range(5))
    with pytest.raises(DataError, match=r"show the same frame\..*images = \"original\""):
        _scan(tmp_path)
    for images, top in (("original", "OriginalImg"), ("preprocessed", "PreProcess Img")):
        samples, reasons = _scan(tmp_path, images=images)
        assert {path.partition("/")[0] for path in samples} == {top}
        assert (len(samples), Counter(reasons.values())) == (4, {"not_selected": 6})
    details = {getattr(i, "detail", "") for i in OuluCasia(images="original").scan(tmp_path)}
    assert "images = 'original' leaves it out" in details


def test_a_copy_is_an_error_too(tmp_path: Path) -> None:
    oulu_casia.build(tmp_path)
    shutil.copytree(tmp_path / oulu_casia.TOP / "VL", tmp_path / "VIS")
    with pytest.raises(DataError, match="show the same frame"):
        _scan(tmp_path)


def test_the_set_that_is_chosen_has_to_be_there(tmp_path: Path) -> None:
    oulu_casia.build(tmp_path)
    assert len(_scan(tmp_path, images="original")[0]) == 30
    with pytest.raises(DataError, match="no pictures of the set that images = 'preprocessed'"):
        _scan(tmp_path, images="preprocessed")


def test_one_neutral_frame_a_condition(tmp_path: Path) -> None:
    oulu_casia.build(tmp_path)
    options = {"one_neutral_per_condition": True, "neutral_frames": 2, "spectrum": "both"}
    samples, reasons = _scan(tmp_path, **options)
    assert [s.path for s in samples.values() if s.label == "neutral"] == [
        f"{oulu_casia.TOP}/NI/Strong/P001/Anger/000.jpeg",
        f"{STRONG}/P001/Anger/000.jpeg",
    ]
    assert reasons[f"{STRONG}/P001/Anger/001.jpeg"] == "not_selected"
    assert reasons[f"{STRONG}/P001/Disgust/000.jpeg"] == "not_selected"
    (tmp_path / STRONG / "P001/Anger/000.jpeg").write_bytes(b"")
    samples, reasons = _scan(tmp_path, one_neutral_per_condition=True)
    assert reasons[f"{STRONG}/P001/Anger/000.jpeg"] == "empty"
    assert samples[f"{STRONG}/P001/Disgust/000.jpeg"].label == "neutral"


def test_the_archive_may_stay_packed(tmp_path: Path) -> None:
    oulu_casia.build(tmp_path / "plain")
    top = tmp_path / "plain" / "B_OriginalImg"
    shutil.make_archive(str(tmp_path / "packed" / "B_OriginalImg"), "zip", top)
    samples, _ = _scan(tmp_path / "packed", images="original")
    place = "B_OriginalImg.zip!/B_OriginalImg/OriginalImg/VL/Strong/P001/Anger/000.jpeg"
    assert samples[place].label == "neutral"
    assert len(samples) == 30


def test_what_is_not_oulu_casia_is_told(tmp_path: Path) -> None:
    oulu_casia.sequence(tmp_path / "P001" / "Anger", range(3))
    with pytest.raises(DataError, match="0 of 3 entries match.*the root lies above VL and NI"):
        _scan(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spectrum": "IR"}, "VL, NI or both"),
        ({"lights": ["Bright"]}, "some of Dark, Strong and Weak"),
        ({"lights": []}, "some of Dark, Strong and Weak"),
        ({"lights": "Strong"}, "some of Dark, Strong and Weak"),
        ({"images": "cropped"}, "original, preprocessed or any"),
        ({"peak_frames": -1}, "peak_frames"),
        ({"neutral_frames": 2.0}, "neutral_frames"),
    ],
)
def test_options_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OuluCasia(**options)  # type: ignore[arg-type]  # so does a settings file


@settings(max_examples=50)
@given(
    st.sampled_from(["VL", "NI", "VIS", "NIR"]),
    st.sampled_from(["Dark", "Strong", "Weak", "Normal"]),
    st.integers(0, 999),
    st.sampled_from(oulu_casia.EMOTIONS),
    st.integers(0, 9999),
    st.sampled_from([str.upper, str.lower, str]),
)
def test_paths_survive_the_grammar(
    camera: str, light: str, subject: int, emotion: str, frame: int, case: object
) -> None:
    parts: Sequence[str] = (camera, light, f"P{subject:03}", emotion, f"{frame:03}.jpeg")
    text = case("/".join(parts))  # type: ignore[operator]  # one of three functions
    match = module._PATH.search(f"a/b.zip!/{text}")
    assert match is not None
    assert int(match["frame"]) == frame
    spectrum = {"VIS": "VL", "NIR": "NI"}.get(camera, camera)
    lit = {"Normal": "strong"}.get(light, light.lower())
    assert module._key(match) == (f"P{subject:03}", spectrum, lit, emotion)
    assert module._PATH.search(f"x{text}") is None
