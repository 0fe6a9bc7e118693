"""`merge`: every row is kept or rejected with a reason, and the table counts classes by source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien.core import catalogue, config, registry
from mien.core.artifact import read_meta
from mien.core.errors import ConfigError, DataError, StageError
from mien.core.labels import CLASSES
from mien.core.origins import picture, read_sources
from mien.core.types import Rejection, Sample, SourceInfo
from mien.datasets.internet import Internet
from mien.stages.merge import MergeConfig, merge, summary

INFO = SourceInfo("listed", "Listed", "none", "yes", "example.org", "Me 2020")


class Listed:
    """A reader that yields what the test lists."""

    info = INFO
    items: tuple[Sample | Rejection, ...] = ()

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        yield from self.items


@pytest.fixture(autouse=True)
def _listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    registry.register("datasets", "listed", Listed)


def _tree(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(path)
    return root


def _config(*sources: dict[str, Any]) -> MergeConfig:
    return config.check(MergeConfig, {"sources": list(sources)}, "merge")


def test_sources_become_one_catalogue_in_their_order(tmp_path: Path) -> None:
    a = _tree(tmp_path / "a", "happy/x_1.png", "anger/y_1.png")
    b = _tree(tmp_path / "b", "train/happy/z.png", "stray.png")
    out = merge(
        _config(
            {"reader": "internet", "root": str(a)},
            {"reader": "internet", "root": str(b), "name": "mine"},
        ),
        tmp_path / "out",
    )
    frame = catalogue.read(out)
    assert frame["dataset"].to_list() == ["internet", "internet", "mine"]
    assert frame["path"].to_list() == ["anger/y_1.png", "happy/x_1.png", "train/happy/z.png"]
    sources = read_sources(out)
    for dataset, path in frame["dataset", "path"].rows():
        assert picture(dataset, path, sources).shape == (8, 8, 3)
    rejected = pl.read_parquet(out / catalogue.REJECTED)
    assert rejected["dataset", "path", "reason"].rows() == [
        ("mine", "stray.png", "no_class_folder")
    ]
    assert (out / "table.md").read_text().splitlines() == [
        "| label | total | internet | mine |",
        "|---|---:|---:|---:|",
        "| 1-anger | 1 | 1 | 0 |",
        "| 5-happy | 2 | 1 | 1 |",
        "| sum | 3 | 2 | 1 |",
    ]
    assert read_meta(out)["counts"]["input"] == 4
    assert "3 of 4 kept" in summary(out)
    assert "mine: 1 no_class_folder" in summary(out)


def test_exact_duplicates_of_one_part_are_merged(tmp_path: Path) -> None:
    root = _tree(tmp_path / "a", "train/happy/a.png")
    copy = (root / "train/happy/a.png").read_bytes()
    for name in ("train/happy/b.png", "train/sad/c.png", "test/happy/d.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(copy)
    out = merge(_config({"reader": "internet", "root": str(root)}), tmp_path / "out")
    kept = catalogue.read(out)
    assert kept["path"].to_list() == ["test/happy/d.png", "train/happy/a.png"]
    rejected = pl.read_parquet(out / catalogue.REJECTED)
    assert rejected["reason"].to_list() == ["exact_duplicate"] * 2
    assert rejected["detail"].to_list() == [
        "the same content as train/happy/a.png",
        "the same content as train/happy/a.png, but the labels differ: sadness here, happy there",
    ]
    assert rejected["id"].unique().to_list() == kept["id"].unique().to_list()


ITEMS = st.lists(
    st.one_of(
        st.builds(
            lambda key, label, split: (key, label, split),
            st.sampled_from("abcde"),
            st.sampled_from([*CLASSES, "contempt", None]),
            st.sampled_from(["train", "test", None]),
        ),
        st.just("rejected"),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(ITEMS)
def test_kept_and_rejected_are_the_input(
    tmp_path_factory: pytest.TempPathFactory, items: list[Any]
) -> None:
    Listed.items = tuple(
        Rejection(f"{number}", "odd")
        if item == "rejected"
        else Sample(id=item[0], path=f"{number}", dataset="x", licence="none", label=item[1],
                    split=item[2])
        for number, item in enumerate(items)
    )  # fmt: skip
    root = tmp_path_factory.mktemp("a")
    out = merge(_config({"reader": "listed", "root": str(root)}), root / "out")
    kept, rejected = catalogue.read(out), pl.read_parquet(out / catalogue.REJECTED)
    paths = [*kept["path"], *rejected["path"]]
    assert sorted(paths) == sorted(str(number) for number in range(len(items)))
    assert not kept.select("id", "dataset", "split").is_duplicated().any()
    counts = read_meta(out)["counts"]
    assert counts["kept"] + counts["rejected"] == counts["input"] == len(items)


def _listing(*items: Sample | Rejection) -> None:
    Listed.items = items


def _sample(key: str, label: str | None, **fields: Any) -> Sample:
    return Sample(id=key, path=f"{key}.png", dataset="x", licence="none", label=label, **fields)


def _two_catalogues(place: Path) -> tuple[Path, Path]:
    """Merges two data sets, a and b, that share the picture ``both``."""
    folders = []
    for name, label in (("a", "happy"), ("b", "fear")):
        root = place / f"root-{name}"
        root.mkdir()
        _listing(_sample("both", label), _sample(name, "contempt"), Rejection("odd", "odd"))
        source = {"reader": "listed", "root": str(root), "name": name}
        folders.append(merge(_config(source), place / f"merge-{name}"))
    return folders[0], folders[1]


def test_catalogues_are_merged_like_data_sets(tmp_path: Path) -> None:
    a, b = _two_catalogues(tmp_path)
    out = merge(_config({"catalogue": str(a)}, {"catalogue": str(b)}), tmp_path / "out")
    assert catalogue.read(out)["id"].to_list() == ["a", "b"]
    assert list(read_sources(out)) == ["a", "b"]
    rejected = pl.read_parquet(out / catalogue.REJECTED)
    assert rejected.select("dataset", "reason").rows() == [
        ("a", "conflicting_labels"), ("b", "conflicting_labels"),
    ]  # fmt: skip
    assert rejected["detail"][0] == (
        "one picture, several labels: a: happy (both.png), b: fear (both.png)"
    )
    assert read_meta(out)["counts"]["input"] == 4
    assert "1 pairs of rows show one picture with different labels" in summary(out)
    assert not (out / "parts").exists()
    assert (out / "table.png").read_bytes().startswith(b"\x89PNG")


def test_conflicts_may_be_kept_or_end_the_merge(tmp_path: Path) -> None:
    a, b = _two_catalogues(tmp_path)
    sources = [{"catalogue": str(a)}, {"catalogue": str(b)}]
    kept = MergeConfig.model_validate({"sources": sources, "conflicts": "keep"})
    assert len(catalogue.read(merge(kept, tmp_path / "kept"))) == 4
    strict = MergeConfig.model_validate({"sources": sources, "conflicts": "error"})
    message = r"give 1 pictures different classes, such as b/both\.png \(fear\) and a/both\.png"
    with pytest.raises(DataError, match=message):
        merge(strict, tmp_path / "strict")


def test_contempt_is_skipped_where_the_source_says_so(tmp_path: Path) -> None:
    a, b = _two_catalogues(tmp_path)
    sources = [{"catalogue": str(a), "contempt": "skip"}, {"catalogue": str(b)}]
    config_ = MergeConfig.model_validate({"sources": sources, "conflicts": "keep"})
    out = merge(config_, tmp_path / "out")
    assert catalogue.read(out)["id"].to_list() == ["both", "both", "b"]
    rejected = pl.read_parquet(out / catalogue.REJECTED)
    assert rejected["id", "reason"].rows() == [("a", "contempt")]


def test_what_an_audit_found_is_dropped(tmp_path: Path) -> None:
    a, _ = _two_catalogues(tmp_path)
    findings = pl.DataFrame(
        [("constant", "a", "a", "a.png", "one grey"), ("dark", "both", "a", "both.png", "night")],
        schema=["kind", *catalogue.KEY, "detail"], orient="row",
    )  # fmt: skip
    catalogue.write(findings, tmp_path / "audit" / "findings.parquet")
    data = {"sources": [{"catalogue": str(a)}], "findings": tmp_path / "audit"}
    out = merge(MergeConfig.model_validate(data), tmp_path / "out")
    assert catalogue.read(out)["id"].to_list() == ["both"]
    assert pl.read_parquet(out / catalogue.REJECTED)["reason", "detail"].rows() == [
        ("constant", "one grey")
    ]


def test_only_what_an_audit_finds_can_be_dropped() -> None:
    with pytest.raises(ConfigError, match="an audit finds no ugly; kinds: exact_duplicate"):
        config.check(MergeConfig, {"sources": [{"catalogue": "x"}], "drop": ["ugly"]}, "merge")


def test_one_data_set_comes_once(tmp_path: Path) -> None:
    a, _ = _two_catalogues(tmp_path)
    with pytest.raises(ConfigError, match="Two sources bring the data set 'a'"):
        merge(_config({"catalogue": str(a)}, {"catalogue": str(a)}), tmp_path / "out")
    for wrong in ({"reader": "listed"}, {"catalogue": "x", "reader": "listed"}):
        with pytest.raises(ConfigError, match="a source"):
            _config(wrong)


def test_a_stopped_merge_goes_on_after_its_last_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        _tree(tmp_path / name, "happy/x_1.png")
    sources = [{"reader": "internet", "root": str(tmp_path / n), "name": n} for n in ("a", "b")]
    whole = merge(_config(*sources), tmp_path / "whole")
    read = Counter[str]()
    scan = Internet.scan

    def stopped(self: Internet, root: Path) -> Iterator[Sample | Rejection]:
        read[root.name] += 1
        if root.name == "b" and read["b"] == 1:
            raise KeyboardInterrupt
        yield from scan(self, root)

    monkeypatch.setattr(Internet, "scan", stopped)
    with pytest.raises(KeyboardInterrupt):
        merge(_config(*sources), tmp_path / "out")
    out = merge(_config(*sources), tmp_path / "out")
    assert read == {"a": 1, "b": 2}
    assert read_meta(out)["digest"] == read_meta(whole)["digest"]


def test_a_finished_merge_is_kept_and_another_refused(tmp_path: Path) -> None:
    a = _tree(tmp_path / "a", "happy/x.png")
    settings_ = _config({"reader": "internet", "root": str(a)})
    out = merge(settings_, tmp_path / "out")
    before = (out / "meta.json").stat().st_mtime_ns
    assert merge(settings_, tmp_path / "out") == out
    assert (out / "meta.json").stat().st_mtime_ns == before
    _tree(tmp_path / "a", "happy/x.png", "sad/y.png")
    with pytest.raises(StageError, match=r"inputs\.internet"):
        merge(settings_, tmp_path / "out")


def test_wrong_settings_say_so(tmp_path: Path) -> None:
    source = {"reader": "internet", "root": str(tmp_path)}
    with pytest.raises(ConfigError, match="two sources are called internet"):
        _config(source, source)
    with pytest.raises(ConfigError, match="sources"):
        _config()
    with pytest.raises(ConfigError, match=r"does not take these options.*legends"):
        merge(_config({**source, "options": {"legends": "x"}}), tmp_path / "out")
    with pytest.raises(DataError, match="does not exist"):
        merge(_config({"reader": "internet", "root": str(tmp_path / "no")}), tmp_path / "out")


def test_roots_are_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTURES", "/pictures")
    monkeypatch.setenv("HOME", "/home/me")
    found = _config(
        {"reader": "ferplus", "root": "$PICTURES/ferplus"},
        {"reader": "internet", "root": "~/internet"},
    )
    assert [source.root.as_posix() for source in found.sources] == [
        "/pictures/ferplus", "/home/me/internet",
    ]  # fmt: skip
