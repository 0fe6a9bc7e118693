"""The thesis's table: eight data sets in their own layouts, merged, give its very counts.

The trees hold as many files of each class as the thesis counts; a file is a few bytes, but where a
reader looks at pixels.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from mien.cli.app import app
from mien.core import catalogue
from mien.datasets.jaffe import STEMS
from trees import draw

SOURCES = ("jaffe", "ckplus", "kdef", "rafd", "internet", "pics-pain", "oulu-casia", "dartmouth")
TABLE = {
    "neutral": (30, 1633, 111, 201, 383, 48, 0, 160),
    "anger": (30, 546, 111, 201, 375, 46, 5178, 160),
    "disgust": (29, 479, 111, 201, 112, 48, 3245, 160),
    "fear": (32, 293, 111, 201, 47, 273, 5114, 160),
    "happy": (31, 714, 111, 201, 355, 46, 1938, 160),
    "sadness": (31, 297, 112, 201, 180, 0, 1968, 160),
    "surprise": (30, 730, 112, 201, 173, 92, 5011, 160),
}
PRINTED = """\
| label | total | jaffe | ckplus | kdef | rafd | internet | pics-pain | oulu-casia | dartmouth |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
| 0-neutral | 2,566 | 30 | 1,633 | 111 | 201 | 383 | 48 | 0 | 160 |
| 1-anger | 6,647 | 30 | 546 | 111 | 201 | 375 | 46 | 5,178 | 160 |
| 3-disgust | 4,385 | 29 | 479 | 111 | 201 | 112 | 48 | 3,245 | 160 |
| 4-fear | 6,231 | 32 | 293 | 111 | 201 | 47 | 273 | 5,114 | 160 |
| 5-happy | 3,556 | 31 | 714 | 111 | 201 | 355 | 46 | 1,938 | 160 |
| 6-sadness | 2,949 | 31 | 297 | 112 | 201 | 180 | 0 | 1,968 | 160 |
| 7-surprise | 6,509 | 30 | 730 | 112 | 201 | 173 | 92 | 5,011 | 160 |
| sum | 32,843 | 213 | 4,692 | 779 | 1,407 | 1,625 | 553 | 22,454 | 1,120 |
"""
SEQUENCES = {  # of CK+, by its code
    1: ("anger", 45), 2: (None, 18), 3: ("disgust", 59), 4: ("fear", 25), 5: ("happy", 69),
    6: ("sadness", 28), 7: ("surprise", 83),
}  # fmt: skip
_number = itertools.count()


def wanted(source: str) -> dict[str, int]:
    return {label: counts[SOURCES.index(source)] for label, counts in TABLE.items()}


def put(path: Path) -> None:
    """Writes a file of a few bytes that no other file has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"%d" % next(_number))


def even(total: int, parts: int) -> list[int]:
    """Returns a total in nearly equal parts."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def jaffe(root: Path) -> None:
    for stem in STEMS:
        put(root / "jaffe" / f"{stem}.tiff")


def ckplus(root: Path) -> None:
    """Half of the frames of a labelled sequence show its peak, the first tenth none yet."""
    lengths: list[tuple[int | None, int]] = []
    for code, (label, count) in SEQUENCES.items():
        peaks = even(wanted("ckplus")[label], count) if label else [8] * count
        lengths += [(code, 2 * peak) for peak in peaks]
    open_ = 593 - len(lengths)
    told = sum(max(1, length // 10) for _, length in lengths)
    lengths += [(None, 10 * n) for n in even(wanted("ckplus")["neutral"] - told, open_)]
    for number, (code, length) in enumerate(lengths):
        subject, sequence = f"S{5 + number % 123:03}", f"{1 + number // 123:03}"
        stem = f"{subject}_{sequence}_"
        for frame in range(1, length + 1):
            put(root / "cohn-kanade-images" / subject / sequence / f"{stem}{frame:08}.png")
        folder = root / "Emotion" / subject / sequence
        folder.mkdir(parents=True, exist_ok=True)
        if code is not None:
            (folder / f"{stem}{length:08}_emotion.txt").write_text(f"   {code}.0000000e+00\n")


def kdef(root: Path) -> None:
    codes = {"neutral": "NE", "anger": "AN", "disgust": "DI", "fear": "AF", "happy": "HA",
             "sadness": "SA", "surprise": "SU"}  # fmt: skip
    people = [f"{session}{sex}{n:02}" for session in "AB" for sex in "FM" for n in range(1, 36)]
    for label, count in wanted("kdef").items():
        for person in people[:count]:
            name = f"{person}{codes[label]}S.JPG"
            draw(root / "KDEF_and_AKDEF" / "KDEF" / person / name, next(_number))


def rafd(root: Path) -> None:
    words = "neutral angry disgusted fearful happy sad surprised contemptuous".split()
    models = [n for n in range(1, 74) if n not in (6, 13, 17, 34, 62, 66)]
    for model, word, gaze in itertools.product(models, words, ("frontal", "left", "right")):
        put(root / f"Rafd090_{model:02}_Caucasian_male_{word}_{gaze}.jpg")


def internet(root: Path) -> None:
    codes = {"neutral": 0, "anger": 1, "disgust": 3, "fear": 4, "happy": 5, "sadness": 6,
             "surprise": 7}  # fmt: skip
    for label, count in wanted("internet").items():
        for number in range(count):
            put(root / f"{codes[label]}-{label}" / f"{label}{number}x.jpg")


def pics_pain(root: Path) -> None:
    codes = {"neutral": "n", "anger": "a", "disgust": "d", "fear": "f", "happy": "h",
             "sadness": "sa", "surprise": "s"}  # fmt: skip
    people = [f"f{n}" for n in range(1, 14)] + [f"m{n}" for n in range(1, 11)]
    for label, count in wanted("pics-pain").items():
        for number in range(count):
            person, take = people[number % 23], number // 23 + 1
            put(root / "pain" / f"{person}{codes[label]}{take}.jpg")


def oulu_casia(root: Path) -> None:
    """Every frame of every sequence counts, in three lights."""
    words = {"anger": "Anger", "disgust": "Disgust", "fear": "Fear", "happy": "Happiness",
             "sadness": "Sadness", "surprise": "Surprise"}  # fmt: skip
    places = list(itertools.product(("Strong", "Weak", "Dark"), range(1, 81)))
    for label, word in words.items():
        lengths = even(wanted("oulu-casia")[label], len(places))
        for (light, person), length in zip(places, lengths, strict=True):
            folder = root / "OriginalImg" / "VL" / light / f"P{person:03}" / word
            for frame in range(length):
                put(folder / f"{frame:03}.jpeg")


def dartmouth(root: Path) -> None:
    words = "neutral angry disgusted afraid happy sad surprised".split()
    for word, person, take in itertools.product(words, range(1, 81), "AB"):
        put(root / f"{person:03}_{word}_frontal_{take}.jpg")


TREES = (jaffe, ckplus, kdef, rafd, internet, pics_pain, oulu_casia, dartmouth)
OPTIONS = {
    "ckplus": '{ peak_frames = 0.5, neutral_frames = 0.1, neutral_from = "all" }',
    "oulu-casia": '{ lights = ["Strong", "Weak", "Dark"], peak_frames = 1.0, neutral_frames = 0 }',
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One TOML that lists the eight sources."""
    place = tmp_path_factory.mktemp("thesis")
    lines = []
    for source, tree in zip(SOURCES, TREES, strict=True):
        tree(place / source)
        options = f", options = {OPTIONS[source]}" if source in OPTIONS else ""
        lines.append(
            f'  {{ reader = "{source}", root = "{place / source}", contempt = "skip"{options} }},'
        )
    path = place / "thesis.toml"
    path.write_text("\n".join(["[merge]", "sources = [", *lines, "]", ""]))
    return path


def test_merge_prints_the_thesis_table(settings: Path, tmp_path: Path) -> None:
    out = tmp_path / "merge"
    told = CliRunner().invoke(app, ["merge", str(settings), "--out", str(out)])
    assert told.exit_code == 0, told.output
    assert PRINTED in told.output
    assert (out / "table.md").read_text() == PRINTED
    frame = catalogue.read(out)
    assert len(frame) == 32_843
    counted = dict(frame.group_by("label", "dataset").len().select("label", "len").rows())
    assert set(counted) == set(TABLE)
    rejected = pl.read_parquet(out / catalogue.REJECTED)
    reasons = set(rejected.select("dataset", "reason").rows())
    assert reasons == {("ckplus", "not_selected"), ("ckplus", "no_label"),
                       ("ckplus", "contempt"), ("rafd", "contempt")}  # fmt: skip
