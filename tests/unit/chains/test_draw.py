"""`draw`: so many a class and a role, the same ones anywhere."""

import polars as pl

from mien.chains.draw import DrawConfig, draw
from mien.core import catalogue
from tests.unit.models.synthetic import tables


def drawn(tmp_path, name, **settings):
    faces, split, merged = tmp_path / "faces", tmp_path / "split", tmp_path / "merged"
    if not faces.exists():
        tables(tmp_path, 100, 40)
        rows = pl.concat(catalogue.read_faces(faces, (*catalogue.KEY, "label")))
        blank = [pl.lit(None, kind).alias(n) for n, kind in catalogue.schema().items()
                 if n not in rows.columns]  # fmt: skip
        catalogue.write(rows.with_columns(blank), merged / "catalogue.parquet")
    out = draw(DrawConfig(**settings), merged, faces, split, tmp_path / name)
    labels = catalogue.select(merged, (*catalogue.KEY, "label"))
    return pl.read_parquet(out / "roles.parquet").join(labels, on=list(catalogue.KEY))


def test_so_many_of_each_class_and_role_stay(tmp_path):
    some = drawn(tmp_path, "some", per_class=5, per_role=9)
    assert some.height == 140
    train = some.filter(role="train")
    assert train["label"].value_counts()["count"].max() == 5
    assert train["label"].n_unique() == 7
    assert some.filter(role="dev").height == 9
    assert set(some.filter(role="rejected")["reason"]) == {"not_drawn"}
    more = drawn(tmp_path, "more", per_class=7)
    assert more.filter(role="dev").height == 40
    assert set(train["id"]) <= set(more.filter(role="train")["id"])


def test_the_same_call_finds_what_it_made(tmp_path):
    first = drawn(tmp_path, "same", per_class=3)
    stamp = (tmp_path / "same" / "meta.json").stat().st_mtime_ns
    assert drawn(tmp_path, "same", per_class=3).equals(first)
    assert (tmp_path / "same" / "meta.json").stat().st_mtime_ns == stamp
