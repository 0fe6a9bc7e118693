"""A data set described in the settings: what paths, codes and tables tell, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError, LabelError
from mien.core.types import BBox, Rejection, Sample
from mien.datasets.generic import Generic
from trees import draw, generic

PATTERN = r"(?P<split>train|test)/(?P<gender>[mf])(?P<subject>\d+)_(?P<label>[a-z]+)"
CODES = {"jy": "happy", "sd": "sadness", "pn": "none"}
SEXES = {"gender": {"m": "male", "f": "female"}}


def scan(root: Path, **options: Any) -> tuple[dict[str, Sample], dict[str, str]]:
    """Returns samples by path, and the reasons of rejections by path."""
    items = list(Generic(**options).scan(root))
    samples = {item.path: item for item in items if isinstance(item, Sample)}
    reasons = {item.path: item.reason for item in items if isinstance(item, Rejection)}
    assert len(samples) + len(reasons) == len(items)
    return samples, reasons


def test_without_options_the_folder_is_the_label(tmp_path: Path) -> None:
    generic.build(tmp_path)
    draw(tmp_path / "loose.png", 101)
    samples, reasons = scan(tmp_path)
    assert [sample.label for sample in samples.values()] == [
        "anger", "disgust", "happy", "surprise", "contempt", "neutral", "sadness", "fear",
    ]  # fmt: skip
    assert reasons == {"set/holiday/a.png": "unknown_label", "loose.png": "unmatched"}


def test_paths_codes_values_and_defaults_tell_fields(tmp_path: Path) -> None:
    generic.acme(tmp_path)
    samples, reasons = scan(
        tmp_path, pattern=PATTERN, codes=CODES, values=SEXES, defaults={"pose": "frontal"}
    )
    told = [(s.label, s.split, s.gender, s.subject, s.pose) for s in samples.values()]
    assert sorted(told) == [
        ("happy", "test", "female", "12", "frontal"), ("happy", "train", "male", "07", "frontal"),
        ("sadness", "train", "female", "12", "frontal"),
    ]  # fmt: skip
    assert reasons == {"train/m07_pn.png": "no_class"}


def test_numbers_are_read_and_misfits_told(tmp_path: Path) -> None:
    names = ("happy_s1_3_0.5", "happy_s1_x_0.5", "happy_s1_4_high", "happy_s1_5_1e-1")
    for number, name in enumerate(names):
        draw(tmp_path / f"{name}.png", number)
    pattern = r"(?P<label>\w+?)_(?P<sequence>s\d)_(?P<frame>\w)_(?P<intensity>.+)\.png"
    samples, reasons = scan(tmp_path, pattern=pattern)
    assert [(s.sequence, s.frame, s.intensity) for s in samples.values()] == [
        ("s1", 3, 0.5), ("s1", 5, 0.1),
    ]  # fmt: skip
    assert reasons == {f"{names[1]}.png": "unmatched", f"{names[2]}.png": "unmatched"}


def test_a_table_tells_labels_boxes_and_faces(tmp_path: Path) -> None:
    for number in range(5):
        draw(tmp_path / "pictures" / f"{number}.jpg", number)
    (tmp_path / "faces.csv").write_text(
        "name,word,l,t,r,b\n"
        "pictures/0.jpg,joy,1,2,5,6\n"
        "1,ANGRY,0,0,4,4\n"
        "1,sad,4,4,8,8\n"  # another face
        "1,sad,4,4,8,8\n"  # the same again
        "2.jpg,fear,1,1,2,2\n"
        "2.jpg,happy,1,1,2,2\n"  # the same face, otherwise
        "3.JPG,,1,1,2,2\n"
        "gone.jpg,happy,1,1,2,2\n"
    )
    columns = {"label": "word", "x1": "l", "y1": "t", "x2": "r", "y2": "b"}
    options = {"table": "FACES.csv", "table_path": "name", "columns": columns}
    items = list(Generic(**options).scan(tmp_path))
    samples = [item for item in items if isinstance(item, Sample)]
    assert [(s.path[-5:], s.label, s.face_box) for s in samples] == [
        ("0.jpg", "happy", BBox(1, 2, 5, 6)), ("1.jpg", "anger", BBox(0, 0, 4, 4)),
        ("1.jpg", "sadness", BBox(4, 4, 8, 8)),
    ]  # fmt: skip
    assert [s.id.partition("#")[2] for s in samples] == ["", "0,0,4,4", "4,4,8,8"]
    assert samples[1].id[:64] == samples[2].id[:64]
    reasons = [(item.path, item.reason) for item in items if isinstance(item, Rejection)]
    assert reasons == [
        ("pictures/1.jpg", "repeated_row"), ("pictures/2.jpg", "conflicting_labels"),
        ("pictures/3.jpg", "no_label"), ("pictures/4.jpg", "not_listed"), ("gone.jpg", "no_file"),
    ]  # fmt: skip


def test_a_name_that_two_pictures_have_needs_folders(tmp_path: Path) -> None:
    for number, folder in enumerate("abc"):
        draw(tmp_path / folder / "x.png", number)
    draw(tmp_path / "y.png", 3)
    draw(tmp_path / "z.png", 4)
    (tmp_path / "t.csv").write_text("p,e\nx.png,happy\na/x.png,sad\ny.png,fear\nz,anger\n")
    options = {"table": "t.csv", "table_path": "p", "columns": {"label": "e"}}
    _, reasons = scan(tmp_path, **options)
    assert set(reasons.values()) == {"ambiguous_name"}
    (tmp_path / "t.csv").write_text("p,e\na/x.png,sad\nb\\x.png,happy\n./c/x.png,fear\n")
    samples, reasons = scan(tmp_path, **options)
    assert {path: s.label for path, s in samples.items()} == {
        "a/x.png": "sadness", "b/x.png": "happy", "c/x.png": "fear",
    }  # fmt: skip


def test_a_table_may_add_to_what_the_path_tells(tmp_path: Path) -> None:
    generic.acme(tmp_path)
    (tmp_path / "people.csv").write_text("file,years\nm07_jy,41\nf12_sd.png,23\n")
    samples, reasons = scan(
        tmp_path, pattern=PATTERN, codes=CODES, table="people.csv", table_path="file",
        columns={"age": "years"},
    )  # fmt: skip
    assert {(s.label, s.subject, s.age) for s in samples.values()} == {
        ("happy", "07", "41"), ("sadness", "12", "23"),
    }  # fmt: skip
    assert set(reasons.values()) == {"not_listed"}


def test_a_set_without_labels_is_for_audits(tmp_path: Path) -> None:
    draw(tmp_path / "41_f.png", 1)
    reader = Generic(pattern=r"(?P<age>\d+)_(?P<gender>[mf])", values=SEXES)
    assert reader.info.audit_only
    (sample,) = reader.scan(tmp_path)
    assert isinstance(sample, Sample)
    assert (sample.label, sample.age, sample.gender) == (None, "41", "female")
    draw(tmp_path / "23_x.png", 2)
    assert next(getattr(item, "reason", "") for item in reader.scan(tmp_path)) == "unmatched"


def test_what_the_set_says_of_itself_goes_along(tmp_path: Path) -> None:
    draw(tmp_path / "happy" / "a.png", 1)
    reader = Generic(title="Acme Faces", licence="by agreement", commercial_use="no")
    assert (reader.info.title, reader.info.commercial_use) == ("Acme Faces", "no")
    (sample,) = reader.scan(tmp_path)
    assert isinstance(sample, Sample)
    assert sample.licence == "by agreement"
    assert Generic.info.licence == "not stated"


def test_bare_numbers_need_codes(tmp_path: Path) -> None:
    draw(tmp_path / "3" / "a.png", 1)
    with pytest.raises(LabelError, match="only a number.*Here the option codes does so"):
        list(Generic().scan(tmp_path))
    samples, _ = scan(tmp_path, codes={"3": "fear"})
    assert samples["3/a.png"].label == "fear"


def test_half_must_fit(tmp_path: Path) -> None:
    for number in range(3):
        draw(tmp_path / f"{number}.png", number)
    with pytest.raises(DataError, match=r"0 of 3 entries match.*Expected paths like \(\?P<l"):
        list(Generic().scan(tmp_path))
    with pytest.raises(DataError, match=r"holds no t\.csv"):
        list(Generic(table="t.csv", table_path="p").scan(tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "("}, "pattern, codes or defaults: missing \\)"),
        ({"pattern": "(?P<mood>.)"}, "There is no field mood. Known: label, subject"),
        ({"columns": {"mood": "m"}, "table": "t", "table_path": "p"}, "There is no field mood"),
        ({"codes": {"1": "joyful-ish"}}, "'joyful-ish' is not a known spelling"),
        ({"codes": "happy"}, "codes is no table of keys and words: 'happy'"),
        ({"values": {"gender": "m"}}, "values is no table"),
        ({"values": {"label": {"1": "happy"}}}, "stand in the option codes"),
        ({"defaults": {"frame": "x"}}, "frame: 'x' is no whole number"),
        ({"defaults": {"split": "holiday"}}, "'holiday' is no part"),
        ({"table": "t.csv"}, "table and table_path go together"),
        ({"columns": {"age": "a"}}, "columns needs table"),
        ({"pattern": "(?P<x1>.)"}, "A box needs all of x1, y1, x2, y2"),
        ({"pattern": "(?P<age>.)", "columns": {"age": "a"}, "table": "t", "table_path": "p"},
         "Both pattern and columns tell age"),
        ({"commercial_use": "maybe"}, "commercial_use is one of"),
    ],
)  # fmt: skip
def test_wrong_options_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Generic(**options)


WORDS = st.text("abcdefghij", min_size=1, max_size=6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(WORDS, st.sampled_from("pq")), min_size=1, max_size=6, unique=True))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, names: list[tuple[str, str]]
) -> None:
    root = tmp_path_factory.mktemp("set")
    for number, (subject, code) in enumerate(names):
        draw(root / f"{subject}-{code}.png", number)
    pattern = r"^(?P<subject>\w+)-(?P<label>\w)"
    samples, reasons = scan(root, pattern=pattern, codes={"P": "happy", "q": "fear"})
    assert not reasons
    found = {(s.subject, s.label) for s in samples.values()}
    assert found == {(subject, "happy" if code == "p" else "fear") for subject, code in names}
