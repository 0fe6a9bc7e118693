"""`browse`: a sheet of every class and source, the same each time, whatever is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.core import catalogue, images
from mien.core.artifact import read_meta
from mien.core.errors import DataError
from mien.core.origins import Source, write_sources
from mien.core.types import Sample, SourceInfo
from mien.stages.browse import PAGE, PICTURE, BrowseConfig, browse, summary
from tests.trees import draw

INFO = SourceInfo("internet", "Web", "none", "no", "example.org", "Me 2020")


def _merged(tmp_path: Path, sources: int, per_class: int = 3) -> Path:
    labels = ["happy", "fear", "contempt", None]
    samples = []
    for source in range(sources):
        for number in range(per_class * len(labels)):
            name, label = f"s{source}", labels[number % len(labels)]
            path = draw(tmp_path / name / f"{number}.png", 1000 * source + number)
            samples.append(
                Sample(
                    f"{name}-{number}",
                    path.name,
                    name,
                    "none",
                    label,
                    gender="f" if number else None,
                )
            )
    folder = tmp_path / "merge"
    catalogue.write(catalogue.from_samples(samples), folder / catalogue.CATALOGUE)
    roots = [Source(f"s{n}", "internet", tmp_path / f"s{n}", {}, INFO) for n in range(sources)]
    write_sources(roots, folder)
    return folder


@pytest.mark.parametrize("sources", [1, 20])
def test_every_class_and_source_has_a_cell(tmp_path: Path, sources: int) -> None:
    merged = _merged(tmp_path, sources)
    out = browse(BrowseConfig(per_cell=2, size=16), merged, tmp_path / "out")
    counts = read_meta(out)["counts"]
    assert counts == {"pictures": 12 * sources, "shown": 8 * sources, "unreadable": 0}
    page = (out / PAGE).read_text("utf-8")
    assert page.count("<img") == 8 * sources
    order = [
        page.index(name) for name in ("0-neutral", "4-fear", "5-happy", "2-contempt", "unlabelled")
    ]
    assert order == sorted(order)
    assert images.decode(out / PICTURE).shape[1] > sources * 4 * 16
    assert f"{8 * sources} of {12 * sources} pictures shown" in summary(out)


def test_the_pick_is_fixed_and_another_seed_draws_others(tmp_path: Path) -> None:
    merged = _merged(tmp_path, 1, per_class=30)
    bytes_of = [
        (
            browse(BrowseConfig(per_cell=3, seed=seed), merged, tmp_path / name) / PICTURE
        ).read_bytes()
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert bytes_of[0] == bytes_of[1] != bytes_of[2]


def test_what_cannot_be_read_is_marked_and_counted(tmp_path: Path) -> None:
    merged = _merged(tmp_path, 1)
    (tmp_path / "s0" / "0.png").write_bytes(b"<html>")
    out = browse(BrowseConfig(), merged, tmp_path / "out")
    assert read_meta(out)["counts"] == {"pictures": 12, "shown": 12, "unreadable": 1}
    assert "1 of those drawn cannot be read" in (out / PAGE).read_text("utf-8")
    assert "1 cannot be read" in summary(out)
    red = (images.decode(out / PICTURE) == (163, 74, 16)).all(2)
    assert red.any()


def test_rows_may_be_something_else(tmp_path: Path) -> None:
    merged = _merged(tmp_path, 2)
    page = (browse(BrowseConfig(by="gender"), merged, tmp_path / "out") / PAGE).read_text("utf-8")
    assert "<th>f</th>" in page
    assert page.index("<th>f</th>") < page.index("<th>not stated</th>")
    assert "0-neutral" not in page


def test_missing_files_are_said_before_anything_is_drawn(tmp_path: Path) -> None:
    merged = _merged(tmp_path, 1)
    (tmp_path / "s0").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="no longer at"):
        browse(BrowseConfig(), merged, tmp_path / "out")
