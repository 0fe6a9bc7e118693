"""The generic reader: what its options say is what is read, and nothing else."""

from __future__ import annotations

import re
import tomllib
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError, LabelError
from mien.core.types import BBox, Rejection, Sample
from mien.datasets import generic as module
from mien.datasets.generic import FIELDS, Generic
from trees import draw, generic


def _scan(root: Path, **options: Any) -> tuple[dict[str, Sample], dict[str, str]]:
    """Returns samples, and the reason of each rejection, by path."""
    found = list(Generic(**options).scan(root))
    kept = {item.path: item for item in found if isinstance(item, Sample)}
    rejected = {item.path: item.reason for item in found if isinstance(item, Rejection)}
    assert len(kept) + len(rejected) == len(found)
    return kept, rejected


def _detail(root: Path, path: str, **options: Any) -> str:
    found = Generic(**options).scan(root)
    return next(i.detail for i in found if isinstance(i, Rejection) and i.path == path)


def _draw(root: Path, *names: str) -> None:
    for number, name in enumerate(names):
        draw(root / name, number)


def test_without_options_folders_are_classes(tmp_path: Path) -> None:
    expected = generic.build(tmp_path)
    kept, rejected = _scan(tmp_path)
    assert (len(kept), len(rejected)) == expected
    assert {path.split("/")[1]: s.label for path, s in kept.items()} == generic.FOLDERS
    assert rejected == {
        "faces/bored/1.jpg": "unknown_label",
        "faces/2-anger/1.jpg": "unknown_label",
        "faces/fear/3.jpg": "empty",
    }


def test_the_example_of_the_docstring_reads_what_it_shows(tmp_path: Path) -> None:
    text = (module.__doc__ or "").partition("stand:\n")[2].partition("\nWithout")[0]
    source = tomllib.loads(text)["merge"]["sources"][0]
    assert (source["reader"], source["name"]) == ("generic", "acme")
    _draw(tmp_path, "train/m01_jy.jpg", "test/F2_sd_7.jpg", "train/m03_pn.jpg", "train/m04_sad.jpg")
    (tmp_path / "people.csv").write_text(
        "file,Age,left,top,right,bottom\nm01_jy.jpg,31,1,2,7,8\ntest/f2_sd_7,22,,,,\n"
        "m03_pn.jpg,40,,,,\nm04_sad.jpg,,0,0,4,4.5\n"
    )
    reader = Generic(**source["options"])
    joy, *_ = found = [item for item in reader.scan(tmp_path) if isinstance(item, Sample)]
    assert {(s.path, s.split, s.gender, s.subject, s.label, s.age) for s in found} == {
        ("train/m01_jy.jpg", "train", "male", "01", "happy", "31"),
        ("test/F2_sd_7.jpg", "test", "female", "2", "sadness", "22"),
        ("train/m04_sad.jpg", "train", "male", "04", "sadness", None),
    }
    assert {(s.pose, s.ethnicity, s.licence) for s in found} == {
        ("frontal", "Caucasian", "research only")
    }
    boxes = {s.path: s.face_box for s in found}
    assert boxes["train/m01_jy.jpg"] == BBox(1, 2, 7, 8)
    assert boxes["test/F2_sd_7.jpg"] is None
    assert "#" not in joy.id
    assert _scan(tmp_path, **source["options"])[1] == {"train/m03_pn.jpg": "no_class"}


def test_every_field_can_be_a_group(tmp_path: Path) -> None:
    _draw(tmp_path, "Test/s1/q2_0007_L45_dim_0.8_F_30s_Asian_happy_1_2_6_7.png")
    groups = "sequence frame pose light intensity gender age ethnicity label x1 y1 x2 y2".split()
    rest = "_".join(f"(?P<{name}>[^_/]+)" for name in groups)
    kept, _ = _scan(tmp_path, pattern=rf"(?P<split>[^/]+)/(?P<subject>[^/]+)/{rest}\.png$")
    (item,) = kept.values()
    assert (item.split, item.subject, item.sequence, item.frame) == ("test", "s1", "q2", 7)
    assert (item.pose, item.light, item.intensity) == ("L45", "dim", 0.8)
    assert (item.gender, item.age, item.ethnicity, item.label) == ("f", "30s", "Asian", "happy")
    assert item.face_box == BBox(1, 2, 6, 7)


def test_codes_go_before_spellings_and_leave_out(tmp_path: Path) -> None:
    _draw(tmp_path, "a_SA.jpg", "a_pn.jpg", "a_xx.jpg", "a_hap.jpg", "a_zz.jpg", "a_con.jpg")
    codes = {"sa": "surprise", "PN": "None", "xx": ""}
    kept, rejected = _scan(tmp_path, pattern=r"_(?P<label>[a-z]+)\.", codes=codes)
    assert {path: s.label for path, s in kept.items()} == {
        "a_SA.jpg": "surprise", "a_hap.jpg": "happy", "a_con.jpg": "contempt",
    }  # fmt: skip
    assert rejected == {
        "a_pn.jpg": "no_class", "a_xx.jpg": "no_class", "a_zz.jpg": "unknown_label",
    }  # fmt: skip
    info = Generic(codes=codes).info
    assert info.label_map == {"sa": "surprise", "PN": None, "xx": None}


def test_bare_numbers_need_codes(tmp_path: Path) -> None:
    _draw(tmp_path, "0/a.jpg", "1/a.jpg", "2/a.jpg")
    with pytest.raises(LabelError, match="Name the label set.*option codes does so"):
        _scan(tmp_path)
    kept, rejected = _scan(tmp_path, codes={"0": "angry", "1": "none"})
    assert {path: s.label for path, s in kept.items()} == {"0/a.jpg": "anger"}
    assert rejected == {"1/a.jpg": "no_class", "2/a.jpg": "unknown_label"}


def test_a_set_without_labels_is_for_audits(tmp_path: Path) -> None:
    _draw(tmp_path, "F_31.jpg", "M_4.jpg")
    pattern = r"(?P<gender>[FM])_(?P<age>\d+)"
    values = {"gender": {"f": "female", "M": "male"}}
    kept, _ = _scan(tmp_path, pattern=pattern, values=values)
    assert [(s.label, s.gender, s.age) for s in kept.values()] == [
        (None, "female", "31"), (None, "male", "4"),
    ]  # fmt: skip
    assert Generic(pattern=pattern).info.audit_only
    assert not Generic().info.audit_only


def test_an_optional_label_that_is_missing_is_told(tmp_path: Path) -> None:
    _draw(tmp_path, "a_joy.jpg", "a.jpg")
    pattern = r"^a(_(?P<label>\w+))?\."
    assert _scan(tmp_path, pattern=pattern)[1] == {"a.jpg": "no_label"}
    kept, _ = _scan(tmp_path, pattern=pattern, defaults={"label": "Neutrality"})
    assert [s.label for s in kept.values()] == ["neutral", "happy"]


def test_archives_look_like_folders(tmp_path: Path) -> None:
    _draw(tmp_path / "in", "happy/01.jpg", "sad/01.jpg")
    with zipfile.ZipFile(tmp_path / "s07.zip", "w") as file:
        for name in ("happy/01.jpg", "sad/01.jpg"):
            file.write(tmp_path / "in" / name, name)
    pattern = r"^(?P<subject>s\d+)\.zip/(?P<label>[^/]+)/"
    for root in (tmp_path / "s07.zip", tmp_path):
        found = [s for s in Generic(pattern=pattern).scan(root) if isinstance(s, Sample)]
        assert [(s.path, s.subject, s.label) for s in found] == [
            ("s07.zip!/happy/01.jpg", "s07", "happy"), ("s07.zip!/sad/01.jpg", "s07", "sadness"),
        ]  # fmt: skip
    (tmp_path / "labels.csv").write_text(
        "f,e\ns07.zip/happy/01.jpg,fear\nin/happy/01.jpg,anger\nsad/01.jpg,joy\n"
    )
    table = {"table": "labels.csv", "table_path": "f", "columns": {"label": "e"}}
    kept, rejected = _scan(tmp_path, **table)
    assert {path: s.label for path, s in kept.items()} == {
        "s07.zip!/happy/01.jpg": "fear",
        "in/happy/01.jpg": "anger",
    }
    assert rejected == {
        "in/sad/01.jpg": "ambiguous_name",
        "s07.zip!/sad/01.jpg": "ambiguous_name",
    }


def test_values_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    _draw(tmp_path, *(f"ok{n}_joy_1_0.5_train_m.jpg" for n in range(5)))
    _draw(
        tmp_path, "a_joy_x_0.5_train_m.jpg", "a_joy_1_much_train_m.jpg", "a_joy_1_0.5_part_m.jpg",
        "a_joy_1_0.5_train_q.jpg", "holiday.jpg",
    )  # fmt: skip
    options = {
        "pattern": r"_(?P<label>[a-z]+)_(?P<frame>\w)_(?P<intensity>[^_]+)_(?P<split>[a-z]+)_"
        r"(?P<gender>\w)",
        "values": {"gender": {"m": "male"}},
    }
    assert len(_scan(tmp_path, **options)[0]) == 5
    details = {
        "a_joy_x_0.5_train_m.jpg": "frame: 'x' is no whole number",
        "a_joy_1_much_train_m.jpg": "intensity: 'much' is no number",
        "a_joy_1_0.5_part_m.jpg": "split: 'part' is no part such as train, valid or test",
        "a_joy_1_0.5_train_q.jpg": "gender: the option values has no code 'q'",
        "holiday.jpg": f"its path does not match {options['pattern']}",
    }
    assert _scan(tmp_path, **options)[1] == dict.fromkeys(details, "unmatched")
    assert {path: _detail(tmp_path, path, **options) for path in details} == details


def test_values_may_stand_for_numbers_and_parts(tmp_path: Path) -> None:
    _draw(tmp_path, "joy_hi_a.jpg", "joy_lo_b.jpg")
    kept, _ = _scan(
        tmp_path,
        pattern=r"(?P<label>joy)_(?P<intensity>\w\w)_(?P<split>\w)",
        values={"intensity": {"hi": 1, "lo": "0.25"}, "split": {"A": "training", "b": "val"}},
        defaults={"frame": 3, "subject": "me"},
    )
    assert [(s.intensity, s.split, s.frame, s.subject) for s in kept.values()] == [
        (1.0, "train", 3, "me"), (0.25, "valid", 3, "me"),
    ]  # fmt: skip


TABLE = {"table": "labels.csv", "table_path": "file", "columns": {"label": "emotion"}}
BOXES = {**TABLE["columns"], "x1": "x1", "y1": "y1", "x2": "x2", "y2": "y2"}  # type: ignore[dict-item]


def test_a_table_alone_is_joined_by_name_path_or_stem(tmp_path: Path) -> None:
    _draw(tmp_path, "a/1.jpg", "b/1.jpg", "b/2.JPG", "b/3.jpg", "c/4.png", "c/5.v1.png", "c/6.png")
    (tmp_path / "labels.csv").write_text(
        "file, emotion\na/1.jpg,joy\n./B\\1.jpg,fear\n2.jpg,sad\n3,anger\n/c/4,disgust\n"
        "5.v1,neutral\n9.jpg,joy\n,joy\n"
    )
    kept, rejected = _scan(tmp_path, **TABLE)
    assert {path: s.label for path, s in kept.items()} == {
        "a/1.jpg": "happy", "b/1.jpg": "fear", "b/2.JPG": "sadness", "b/3.jpg": "anger",
        "c/4.png": "disgust", "c/5.v1.png": "neutral",
    }  # fmt: skip
    assert rejected == {"c/6.png": "not_listed", "9.jpg": "no_file", "labels.csv": "no_file"}
    assert (
        _detail(tmp_path, "9.jpg", **TABLE) == "row 8 of labels.csv names no picture that is here"
    )


def test_a_name_that_fits_several_pictures_is_told(tmp_path: Path) -> None:
    _draw(tmp_path, "a/1.jpg", "b/1.jpg", *(f"c/{n}.jpg" for n in range(5, 9)))
    rows = "".join(f"{n}.jpg,joy\n" for n in (1, *range(5, 9)))
    (tmp_path / "labels.csv").write_text(f"file,emotion\n{rows}")
    kept, rejected = _scan(tmp_path, **TABLE)
    assert len(kept) == 4
    assert rejected == dict.fromkeys(("a/1.jpg", "b/1.jpg"), "ambiguous_name")
    assert "fits 2 pictures" in _detail(tmp_path, "a/1.jpg", **TABLE)


def test_rows_with_other_boxes_are_faces_of_one_picture(tmp_path: Path) -> None:
    _draw(tmp_path, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    (tmp_path / "labels.csv").write_text(
        "file,emotion,x1,y1,x2,y2\n"
        "a.jpg,joy,0,0,4,4\na.jpg,fear,4,0,8,4\na.jpg,FEAR,4,0,8,4\n"
        "b.jpg,joy,0,0,4,4\nb.jpg,sad,0,0,4,4\n"
        "c.jpg,joy,4,0,0,4\nd.jpg,joy,1,1,,\n"
    )
    found = list(Generic(**{**TABLE, "columns": BOXES}).scan(tmp_path))  # type: ignore[arg-type]
    faces = [item for item in found if isinstance(item, Sample)]
    assert [(s.path, s.label, s.id.partition("#")[2], s.face_box) for s in faces] == [
        ("a.jpg", "happy", "0,0,4,4", BBox(0, 0, 4, 4)),
        ("a.jpg", "fear", "4,0,8,4", BBox(4, 0, 8, 4)),
    ]
    rejected = [item for item in found if isinstance(item, Rejection)]
    assert [(item.path, item.reason) for item in rejected] == [
        ("a.jpg", "repeated_row"), ("b.jpg", "conflicting_labels"), ("c.jpg", "unmatched"),
        ("d.jpg", "unmatched"),
    ]  # fmt: skip
    assert rejected[1].detail == "labels.csv gives it as joy, sad"
    assert "x1 < x2" in rejected[2].detail
    assert rejected[3].detail == "box: some of x1, y1, x2, y2 are missing"


def test_table_and_pattern_may_share_the_work(tmp_path: Path) -> None:
    _draw(tmp_path, "s1/1.jpg", "s2/2.jpg", "x/3.jpg")
    (tmp_path / "labels.csv").write_text("file,emotion\n1,joy\n2,\n3,fear\n")
    kept, rejected = _scan(tmp_path, pattern=r"(?P<subject>s\d)/", **TABLE)
    assert {path: (s.subject, s.label) for path, s in kept.items()} == {"s1/1.jpg": ("s1", "happy")}
    assert rejected == {"s2/2.jpg": "no_label", "x/3.jpg": "unmatched"}


def test_what_hardly_fits_is_refused(tmp_path: Path) -> None:
    _draw(tmp_path, *(f"{n}/{n}.jpg" for n in "abc"))
    with pytest.raises(DataError, match=r"0 of 3 entries match \(not: a/a.jpg.*paths like"):
        _scan(tmp_path)
    with pytest.raises(DataError, match="0 of 3 entries match.*paths like zzz"):
        _scan(tmp_path, pattern="zzz")
    with pytest.raises(DataError, match="holds no labels.csv.*labels.csv with the columns file, e"):
        _scan(tmp_path, **TABLE)
    (tmp_path / "labels.csv").write_text("file,emotion\nx.jpg,joy\ny.jpg,joy\n")
    with pytest.raises(DataError, match="0 of 2 entries match"):
        _scan(tmp_path, **TABLE)
    (tmp_path / "labels.csv").write_text("file,label\na.jpg,joy\n")
    with pytest.raises(DataError, match="has no column 'emotion'"):
        _scan(tmp_path, **TABLE)


def test_what_the_set_says_of_itself_stands_in_info_and_samples(tmp_path: Path) -> None:
    generic.build(tmp_path)
    said = {
        "title": "Acme", "licence": "CC0", "commercial_use": "yes", "url": "u", "citation": "c",
        "access": "a",
    }  # fmt: skip
    reader = Generic(**said)  # type: ignore[arg-type]
    assert {name: getattr(reader.info, name) for name in said} == said
    assert reader.info.name == "generic"
    assert Generic.info.licence == Generic().info.licence == "not stated"
    assert {s.licence for s in reader.scan(tmp_path) if isinstance(s, Sample)} == {"CC0"}
    assert Counter(type(s) for s in reader.scan(tmp_path))[Rejection] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "(?P<label>"}, "pattern, codes or defaults: missing"),
        ({"pattern": "(?P<emotion>a)"}, "no field emotion. Known: label, subject, .*y2"),
        ({"columns": {"mood": "m"}, "table": "t", "table_path": "p"}, "no field mood"),
        ({"values": {"sex": {"f": "female"}}}, "no field sex"),
        ({"defaults": {"camera": "1"}}, "no field camera"),
        ({"defaults": {"label": "bored"}}, "defaults: .*'bored' is not a known spelling"),
        ({"defaults": {"frame": "first"}}, "frame: 'first' is no whole number"),
        ({"defaults": {"split": "half"}}, "split: 'half' is no part"),
        ({"codes": {"a": "bored"}}, "'bored' is not a known spelling"),
        ({"codes": {"a": 3}}, "only a number"),
        ({"codes": ["a"]}, "codes is no table"),
        ({"columns": "a"}, "columns is no table"),
        ({"values": {"gender": "m"}}, "values is no table"),
        ({"values": {"label": {"a": "joy"}}}, "codes of labels stand in the option codes"),
        ({"table": "t.csv"}, "table and table_path go together"),
        ({"table_path": "file"}, "table and table_path go together"),
        ({"columns": {"age": "a"}}, "columns needs table"),
        ({"defaults": {"x1": "1"}}, "A box needs all of x1, y1, x2, y2"),
        ({"commercial_use": "maybe"}, "commercial_use is one of .*'yes', 'no', 'unknown'"),
        (
            {"pattern": "(?P<age>a)", "table": "t", "table_path": "p", "columns": {"age": "a"}},
            "Both pattern and columns tell age",
        ),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Generic(**options)


WORD = st.text("abcxyz019", min_size=1, max_size=6)


@given(
    st.dictionaries(
        st.sampled_from(["subject", "sequence", "pose", "light", "age", "ethnicity"]),
        WORD,
        min_size=1,
    ),
    st.integers(0, 10**6),
)
@settings(max_examples=40)
def test_what_goes_into_a_path_comes_out_of_it(words: dict[str, str], frame: int) -> None:
    pattern = "/".join(f"(?P<{name}>[^/]+)" for name in (*words, "frame"))
    path = "/".join([*words.values(), f"{frame:08d}"])
    match = re.search(pattern, path)
    assert match
    fields = Generic(pattern=pattern)._fields(match.groupdict())
    assert fields == {**words, "frame": frame}
    assert set(fields) <= set(FIELDS)
