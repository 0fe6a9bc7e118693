"""Tables: written with their schema, checked when read, counted as the thesis counts."""

from pathlib import Path

import polars as pl
import pytest

from mien.core import catalogue, registry
from mien.core.errors import DataError, MissingExtraError
from mien.core.types import BBox, Rejection, Sample

VOTES = (0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0)


def _sample(name: str, label: str | None = None, dataset: str = "a", **more: object) -> Sample:
    return Sample(id=name, path=f"{name}.png", dataset=dataset, licence="mine", label=label, **more)


def test_a_catalogue_survives_the_disk(tmp_path: Path) -> None:
    samples = [
        _sample("1", "happy", votes=VOTES, face_box=BBox(1, 2, 3, 4), frame=7, intensity=0.5),
        _sample("2"),
    ]
    frame = catalogue.from_samples(samples)
    catalogue.write(frame, tmp_path / catalogue.CATALOGUE)
    read = catalogue.read(tmp_path)
    assert read.equals(frame)
    assert read.schema == catalogue.schema()
    assert read.row(0, named=True)["votes"] == list(VOTES)
    assert read.row(0, named=True)["face_box"] == [1, 2, 3, 4]


def test_an_empty_catalogue_has_its_schema() -> None:
    assert catalogue.from_samples([]).schema == catalogue.schema()


def test_reading_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mien merge"):
        catalogue.read(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_text("no table")
    with pytest.raises(DataError, match="not a table"):
        catalogue.read(tmp_path / "bad.parquet")
    pl.DataFrame({"id": [1]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(DataError, match=r"lacks these columns.*id \(String\), path"):
        catalogue.read(tmp_path / "other.parquet")


def test_rejections_keep_their_reason() -> None:
    frame = catalogue.from_rejections([Rejection("a.png", "empty", "0 bytes", dataset="a")])
    assert frame.rows() == [("a.png", "empty", "0 bytes", None, "a")]
    assert catalogue.from_rejections([]).schema == frame.schema


def test_count_is_the_table_of_classes_and_sources() -> None:
    samples = [
        _sample("1", "happy"),
        _sample("2", "happy", "b"),
        _sample("3", "neutral", "b"),
        _sample("4", None, "b"),
        _sample("5", "contempt"),
    ]
    table = catalogue.count(catalogue.from_samples(samples))
    assert table.columns == ["label", "total", "a", "b"]
    assert table.rows() == [
        ("neutral", 1, 0, 1),
        ("happy", 2, 1, 1),
        ("contempt", 1, 1, 0),
        ("unlabelled", 1, 0, 1),
        ("sum", 5, 2, 3),
    ]
    lines = catalogue.markdown(table).splitlines()
    assert lines[0] == "| label | total | a | b |"
    assert lines[3] == "| 5-happy | 2 | 1 | 1 |"
    assert lines[-1] == "| sum | 5 | 2 | 3 |"


def test_read_faces_yields_shards_in_order(tmp_path: Path) -> None:
    empty = pl.DataFrame(schema=catalogue.schema(catalogue.FACE_COLUMNS))
    for number in (1, 0):
        row = {name: [None] for name in empty.columns} | {"id": [str(number)]}
        frame = pl.DataFrame(row, schema=empty.schema)
        catalogue.write(frame, tmp_path / catalogue.FACES.format(number))
    frames = list(catalogue.read_faces(tmp_path, ["id", "box"]))
    assert [frame["id"].to_list() for frame in frames] == [["0"], ["1"]]
    assert frames[0].columns == ["id", "box"]
    assert next(catalogue.read_faces(tmp_path)).columns == list(catalogue.FACE_COLUMNS)


def test_read_faces_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mien crop"):
        list(catalogue.read_faces(tmp_path))
    pl.DataFrame({"id": ["1"]}).write_parquet(tmp_path / catalogue.FACES.format(0))
    with pytest.raises(DataError, match="cannot be read"):
        list(catalogue.read_faces(tmp_path, ["box"]))


def test_without_polars_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[data\]'"):
        catalogue.from_samples([])


def test_every_reader_is_known_by_name() -> None:
    assert {"fer2013", "ferplus", "internet"} <= set(registry.names("datasets"))
