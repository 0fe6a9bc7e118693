"""`survey` on drawn faces without labels: rates by group, a page, a sheet, bad settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mien.core import catalogue as tables
from mien.core import images
from mien.core.artifact import read_meta
from mien.core.errors import ConfigError, StageError
from mien.core.origins import Source, write_sources
from mien.core.types import SourceInfo
from mien.stages.survey import ANSWERS, FIGURES, PAGE, PICTURE, SurveyConfig, summary, survey
from tests.trees import draw
from tests.unit.stages.test_evaluate import BRIGHT, DARK, make_stages

pl = pytest.importorskip("polars")
pytest.importorskip("scipy")

INFO = SourceInfo("generic", "Home", "none", "no", "example.org", "Me 2020")
ROWS = tuple(
    (f"t{n % 2}-{n}", "home", None, f"p{n % 2}", "unseen", None if n % 3 == 0 else level)
    for n, level in enumerate([BRIGHT, DARK] * 5)
)


def _stages(root: Path) -> dict[str, Path]:
    folders = make_stages(root, ROWS)
    for number, row in enumerate(ROWS):
        draw(root / "photos" / f"{row[0]}.png", number)
    for name in ("catalogue", "faces"):
        write_sources([Source("home", "generic", root / "photos", {}, INFO)], folders[name])
    del folders["split"]
    return folders


def _config(model: Path, **options: Any) -> SurveyConfig:
    return SurveyConfig(model=str(model), **{"by": {"trip": "(t[0-9])-"}, **options})


def test_every_picture_is_found_answered_or_says_why_not(model: Path, tmp_path: Path) -> None:
    stages = _stages(tmp_path)
    out = survey(_config(model), **stages, out=tmp_path / "out")
    counts = read_meta(out)["counts"]
    assert (counts["input"], counts["faces"], counts["missed"], counts["answered"]) == (10, 6, 4, 6)
    rows = pl.read_parquet(out / ANSWERS)
    assert len(rows) == 10
    assert set(rows["trip"]) == {"t0", "t1"}
    groups = json.loads((out / FIGURES).read_text())["by"]["trip"]
    assert [(g["trip"], g["input"], g["kept"]) for g in groups] == [("t0", 5, 3), ("t1", 5, 3)]
    assert "## By trip" in (out / PAGE).read_text("utf-8")
    assert images.decode(out / PICTURE).ndim == 3
    assert not (out / "parts").exists()
    assert "10 pictures, 6 with a face, 6 answered" in summary(out)
    again = survey(_config(model), **stages, out=tmp_path / "out")
    assert again == out


def test_a_group_may_be_a_column_of_the_catalogue(model: Path, tmp_path: Path) -> None:
    by = {"who": "subject", "set": "dataset", "part": "split"}
    out = survey(_config(model, by=by, show=0), **_stages(tmp_path), out=tmp_path / "out")
    groups = json.loads((out / FIGURES).read_text())["by"]
    assert [g["who"] for g in groups["who"]] == ["p0", "p1"]
    assert groups["set"][0]["input"] == 10
    assert groups["part"] == []
    assert not (out / PICTURE).exists()


def test_a_picture_that_is_gone_leaves_a_blank_in_the_sheet(model: Path, tmp_path: Path) -> None:
    stages = _stages(tmp_path)
    (tmp_path / "photos" / f"{ROWS[0][0]}.png").unlink()
    out = survey(_config(model), **stages, out=tmp_path / "out")
    assert (out / PICTURE).exists()


def test_the_engine_does_not_change_the_result(model: Path, tmp_path: Path) -> None:
    stages = _stages(tmp_path)
    first = survey(_config(model, jobs=1), **stages, out=tmp_path / "a")
    second = survey(_config(model, jobs=2), **stages, out=tmp_path / "b")
    assert (first / ANSWERS).read_bytes() == (second / ANSWERS).read_bytes()


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ({"trip": "(t["}, "regular expression"),
        ({"trip": "t[0-9]"}, "one group"),
        ({"yaw": "(t)"}, "no column"),
    ],
)
def test_a_wrong_group_is_told_first(by: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SurveyConfig(by=by)


def test_a_pattern_that_only_python_knows_is_refused(model: Path, tmp_path: Path) -> None:
    config = _config(model, by={"trip": "(?=x)(t[0-9])"})
    with pytest.raises(ConfigError, match="cannot be searched"):
        survey(config, **_stages(tmp_path), out=tmp_path / "out")


def test_other_settings_do_not_write_over(model: Path, tmp_path: Path) -> None:
    stages = _stages(tmp_path)
    survey(_config(model), **stages, out=tmp_path / "out")
    with pytest.raises(StageError):
        survey(_config(model, show=1), **stages, out=tmp_path / "out")


def test_no_face_at_all(model: Path, tmp_path: Path) -> None:
    stages = _stages(tmp_path)
    for shard in stages["faces"].glob("faces-*.parquet"):
        tables.write(pl.read_parquet(shard).clear(), shard)
    out = survey(_config(model), **stages, out=tmp_path / "out")
    assert read_meta(out)["counts"]["faces"] == 0
