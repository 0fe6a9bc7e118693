"""`crop`: the same bytes whatever the number of workers or kills, and a reason for every gap."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import polars as pl
import pytest

from mien.core import catalogue, images, registry
from mien.core.artifact import digest, read_meta
from mien.core.errors import ConfigError, DataError, StageError, UnknownNameError
from mien.engines.local import LocalEngine
from mien.faces import auto, shards
from mien.faces.align import FivePointAligner
from mien.stages import crop as module
from mien.stages.crop import CropConfig, crop, summary
from mien.stages.merge import MergeConfig, merge

DETECTORS = """
    import numpy as np
    from mien.core.errors import InputError
    from mien.core.types import BBox, Face

    POINTS = np.array([(.3, .35), (.7, .35), (.5, .6), (.35, .8), (.65, .8)], np.float32)

    class Corners:
        "Finds a face in each bright quarter of a picture."
        name = "corners"
        def detect(self, image):
            h, w = image.shape[0] // 2, image.shape[1] // 2
            faces = []
            for y, x in ((0, 0), (0, w), (h, 0), (h, w)):
                if image[y:y + h, x:x + w].mean() > 100:
                    size = np.float32([w, h])
                    faces.append(Face(BBox(x, y, x + w, y + h), 0.5, "corners",
                                      POINTS * size + np.float32([x, y])))
            return faces

    class Whole:
        name = "whole"
        def detect(self, image):
            h, w = image.shape[:2]
            return [Face(BBox(0, 0, w, h), 1.0, "whole", POINTS * np.float32([w, h]))]

    class Sized(Whole):
        name = "sized"
        def __init__(self, file=None):
            self.file = file

    class Broken:
        name = "broken"
        def detect(self, image):
            raise InputError("this detector is broken")
"""


@pytest.fixture(autouse=True)
def _detectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Brings detectors as another package does, so that worker processes find them too."""
    place = tmp_path / "site"
    info = place / "drawn_detectors-1.0.dist-info"
    info.mkdir(parents=True)
    (place / "drawn_detectors.py").write_text(textwrap.dedent(DETECTORS))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: drawn-detectors\nVersion: 1.0\n")
    names = ("corners", "whole", "sized", "broken")
    lines = [f"{name} = drawn_detectors:{name.title()}" for name in names]
    (info / "entry_points.txt").write_text("\n".join(["[mien.detectors]", *lines]))
    monkeypatch.syspath_prepend(place)
    shards._finder.cache_clear()


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    """A catalogue of twelve grey pictures and one in colour; a dark one, and a broken one."""
    root = tmp_path / "pictures"
    for number in range(12):
        pixels = np.random.default_rng(number).integers(101, 256, (40, 40), dtype=np.uint8)
        _save(pixels, root / "happy" / f"p{number}_1.png")
    colour = np.random.default_rng(99).integers(101, 256, (30, 50, 3), dtype=np.uint8)
    _save(colour, root / "sad" / "colour.png")
    _save(np.zeros((40, 40), np.uint8), root / "sad" / "dark.png")
    (root / "sad" / "page.jpg").write_text("<html>")
    settings = MergeConfig.model_validate({"sources": [{"reader": "internet", "root": root}]})
    return merge(settings, tmp_path / "merge")


def _save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels).save(path)


def _config(*names: str, **more: Any) -> CropConfig:
    settings = {"detectors": {"default": names or ("corners",)}, "jobs": 1, **more}
    return CropConfig.model_validate(settings)


def _faces(out: Path) -> pl.DataFrame:
    return pl.concat(catalogue.read_faces(out))


def test_every_row_gives_a_face_or_a_reason(merged: Path, tmp_path: Path) -> None:
    out = crop(_config(shard_size=4), merged, tmp_path / "crop")
    faces, rejected = _faces(out), pl.read_parquet(out / catalogue.REJECTED)
    assert faces.schema == catalogue.schema(catalogue.FACE_COLUMNS)
    assert [len(frame) for frame in catalogue.read_faces(out)] == [4, 4, 4, 1]
    assert faces["path"].to_list() == catalogue.read(merged)["path"].to_list()[:13]
    assert rejected["dataset", "path", "reason"].rows() == [
        ("internet", "sad/dark.png", "no_face"),
        ("internet", "sad/page.jpg", "unreadable"),
    ]
    assert "corners: nothing" in rejected["detail"][0]
    counts = read_meta(out)["counts"]
    assert (counts["input"], counts["kept"], counts["rejected"]) == (15, 13, 2)
    assert [(row["label"], row["input"], row["kept"]) for row in counts["by_label"]] == [
        ("happy", 12, 12), ("sadness", 3, 1),
    ]  # fmt: skip
    assert "dataset internet: 13 of 15 (86.67 %, 62.1 to 96.3)" in summary(out)
    assert sorted(path.name for path in out.iterdir()) == [
        *(catalogue.FACES.format(n) for n in range(4)), "faces.png", "meta.json",
        "rejected.parquet", "sources.json",
    ]  # fmt: skip


def test_the_chip_is_that_of_the_aligner(merged: Path, tmp_path: Path) -> None:
    out = crop(_config("whole"), merged, tmp_path / "crop")
    row = _faces(out).filter(pl.col("path") == "sad/colour.png").row(0, named=True)
    image = images.decode(tmp_path / "pictures" / row["path"])
    detector = registry.load("detectors", "whole")()
    expected = FivePointAligner().align(image, detector.detect(image)[0])
    assert np.array_equal(images.decode(row["chip"]["bytes"]), expected)
    assert row["chip"]["path"] == "sad/colour.png"
    assert row["box"] == [0, 0, 50, 30]
    assert np.allclose(row["landmarks"][0], [15, 10.5])
    assert (row["score"], row["detector"]) == (1.0, "whole")


def test_detectors_are_tried_in_order(merged: Path, tmp_path: Path) -> None:
    out = crop(_config("broken", "corners", "whole"), merged, tmp_path / "crop")
    counts = _faces(out)["detector"].value_counts(sort=True).rows()
    assert counts == [("corners", 13), ("whole", 1)]
    broken = crop(_config("broken"), merged, tmp_path / "broken")
    assert pl.read_parquet(broken / catalogue.REJECTED)["reason"].to_list() == [
        *["detector_failed"] * 14, "unreadable",
    ]  # fmt: skip
    assert _faces(broken).is_empty()


def test_a_data_set_may_have_its_own_detectors(merged: Path, tmp_path: Path) -> None:
    settings = CropConfig(detectors={"default": ("corners",), "internet": ("whole",)}, jobs=1)
    assert set(_faces(crop(settings, merged, tmp_path / "crop"))["detector"]) == {"whole"}


def test_every_face_is_one_row_and_only_the_first_has_the_label(
    merged: Path, tmp_path: Path
) -> None:
    out = crop(_config("corners", faces="all"), merged, tmp_path / "crop")
    faces = _faces(out).filter(pl.col("path") == "happy/p0_1.png")
    first = faces["id"][0]
    assert faces["id"].to_list() == [first, *(f"{first}#face{n}" for n in (1, 2, 3))]
    assert faces["label"].to_list() == ["happy", None, None, None]
    assert faces["subject"].to_list() == ["p0", None, None, None]
    counts = read_meta(out)["counts"]
    assert (counts["input"], counts["kept"], counts["rejected"]) == (15, 13, 2)
    assert counts["further"] == 39
    assert "39 a further one" in summary(out)


def test_the_most_central_face(merged: Path, tmp_path: Path) -> None:
    out = crop(_config("corners", faces="central"), merged, tmp_path / "crop")
    assert len(_faces(out)) == 13


def test_faces_as_picture_files(merged: Path, tmp_path: Path) -> None:
    settings = _config("whole", pictures={"size": 64, "colour": "grey"})
    out = crop(settings, merged, tmp_path / "crop")
    rows = _faces(out)
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("pictures/**/*.png"))
    assert files == sorted(
        f"pictures/internet/{label}/{name}.png"
        for name, label in rows.select("id", "label").iter_rows()
    )
    assert images.decode(out / files[0]).shape == (64, 64, 3)


def test_the_thesis_framing_is_named_in_the_settings(merged: Path, tmp_path: Path) -> None:
    five = crop(_config("whole"), merged, tmp_path / "five")
    eyes = crop(_config("whole", aligner="eye-line"), merged, tmp_path / "eyes")
    assert read_meta(eyes)["config"]["aligner"] == "eye-line"
    chips = [_faces(out)["chip"].struct.field("bytes").to_list() for out in (five, eyes)]
    assert chips[0] != chips[1]
    with pytest.raises(UnknownNameError, match="no aligner named 'eyes'"):
        crop(_config("whole", aligner="eyes"), merged, tmp_path / "none")


def test_pose_and_quality_are_columns(merged: Path, tmp_path: Path) -> None:
    faces = _faces(crop(_config("whole"), merged, tmp_path / "crop"))
    assert faces["yaw"].abs().max() < 5
    assert faces["size"].null_count() == 0
    assert not faces["assumed"].any()
    assumed = _faces(crop(_config("full-frame"), merged, tmp_path / "frames"))
    assert assumed["assumed"].all()
    assert assumed["yaw"].null_count() == len(assumed)


def test_another_file_behind_an_option_is_another_request(merged: Path, tmp_path: Path) -> None:
    extra = tmp_path / "extra.dat"
    extra.write_text("one")
    settings = _config("sized", options={"sized": {"file": str(extra)}})
    out = crop(settings, merged, tmp_path / "crop")
    assert crop(settings, merged, out) == out
    extra.write_text("another")
    with pytest.raises(StageError, match=r"inputs\.sized\.file"):
        crop(settings, merged, out)
    with pytest.raises(ConfigError, match="no option 'fill'"):
        crop(_config("sized", options={"sized": {"fill": 1}}), merged, tmp_path / "other")


def test_auto_is_written_down_as_what_it_was(
    merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "choice", lambda: "whole")
    out = crop(_config("auto"), merged, tmp_path / "crop")
    assert read_meta(out)["config"]["detectors"] == {"internet": ["whole"]}


def test_the_number_of_workers_changes_no_byte(merged: Path, tmp_path: Path) -> None:
    digests = set()
    for jobs in (1, 2):
        settings = CropConfig(detectors={"default": ("corners",)}, shard_size=4, jobs=jobs)
        digests.add(digest(crop(settings, merged, tmp_path / f"crop{jobs}")))
    assert len(digests) == 1


def test_a_stopped_run_goes_on_from_its_shards(merged: Path, tmp_path: Path) -> None:
    whole = crop(_config(shard_size=4), merged, tmp_path / "whole")

    class Stops(LocalEngine):
        def map(self, function: Callable, shards: list) -> list:
            for shard in list(shards)[:2]:
                yield function(shard)
            raise StageError("stopped")

    for _ in range(2):
        with pytest.raises(StageError, match="stopped"):
            crop(_config(shard_size=4), merged, tmp_path / "crop", engine=Stops(1))
        first = tmp_path / "crop.partial" / catalogue.FACES.format(0)
        stamp = first.stat().st_mtime_ns
        (first.parent / ".faces-00002.parquet.abc").write_text("half a shard")
    out = crop(_config(shard_size=4), merged, tmp_path / "crop")
    assert (out / first.name).stat().st_mtime_ns == stamp
    assert digest(out) == digest(whole)


def test_a_run_stopped_at_its_very_end_finishes(
    merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = crop(_config(shard_size=4), merged, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(module.shutil, "rmtree", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            crop(_config(shard_size=4), merged, tmp_path / "crop")
    assert digest(crop(_config(shard_size=4), merged, tmp_path / "crop")) == digest(whole)


def test_jobs_are_no_part_of_the_request(merged: Path, tmp_path: Path) -> None:
    out = crop(_config(), merged, tmp_path / "crop")
    assert crop(CropConfig(detectors=_config().detectors, jobs=2), merged, out) == out
    with pytest.raises(StageError, match=r"config\.shard_size"):
        crop(_config(shard_size=7), merged, out)


def test_wrong_settings_say_so_before_any_work(merged: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no detector named 'cornes'"):
        crop(_config("cornes"), merged, tmp_path / "crop")
    with pytest.raises(ConfigError, match="names no detector for 'internet'"):
        crop(CropConfig(detectors={"ferplus": ("whole",)}), merged, tmp_path / "crop2")
    for path in sorted((tmp_path / "pictures").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / "pictures").rmdir()
    with pytest.raises(DataError, match="no longer at"):
        crop(_config(), merged, tmp_path / "crop3")


def test_grey_chips_are_stored_with_one_channel() -> None:
    colour = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    grey = np.repeat(colour[..., :1], 3, axis=2)
    assert len(images.encode_png(grey)) < len(images.encode_png(colour)) / 2
    for chip in (colour, grey):
        assert np.array_equal(images.decode(images.encode_png(chip)), chip)
    assert images.encode_png(grey) == images.encode_png(grey)


def test_an_empty_catalogue_gives_an_empty_folder(merged: Path, tmp_path: Path) -> None:
    catalogue.write(catalogue.read(merged).clear(), merged / catalogue.CATALOGUE)
    out = crop(_config(), merged, tmp_path / "crop")
    counts = read_meta(out)["counts"]
    assert (counts["input"], counts["kept"], counts["rejected"]) == (0, 0, 0)
    assert not (out / module.SHEET).exists()
