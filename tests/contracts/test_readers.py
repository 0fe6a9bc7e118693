"""What every reader of a data set owes its socket."""

from __future__ import annotations

import importlib
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from mien.core import registry
from mien.core.errors import DataError
from mien.core.labels import CLASSES, CONTEMPT
from mien.core.protocols import DatasetReader
from mien.core.tree import is_frame
from mien.core.types import Rejection, Sample

NAMES = registry.names("datasets")
Items = list[Sample | Rejection]


def scanned(name: str, root: Path) -> Items:
    return list(registry.load("datasets", name)().scan(root))


def built(name: str, root: Path) -> tuple[int, int]:
    """Writes the reader's test tree; returns how many samples and rejections it holds."""
    root.mkdir()
    counts: tuple[int, int] = importlib.import_module(f"trees.{name.replace('-', '_')}").build(root)
    return counts


def samples(items: Items) -> list[Sample]:
    return [item for item in items if isinstance(item, Sample)]


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_reads(name: str) -> None:
    reader = registry.load("datasets", name)()
    assert isinstance(reader, DatasetReader)
    info = reader.info
    assert info.name == name
    assert info.commercial_use in ("yes", "no", "unknown")
    for text in (info.title, info.licence, info.url, info.citation, info.access, info.grammar):
        assert text
    assert set(info.label_map.values()) <= {*CLASSES, CONTEMPT, None}


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_or_foreign_folder_is_told(name: str, tmp_path: Path) -> None:
    reader = registry.load("datasets", name)()
    with pytest.raises(DataError):
        list(reader.scan(tmp_path / "missing"))
    (tmp_path / "letter.txt").write_text("Dear reader")
    with pytest.raises(DataError):
        list(reader.scan(tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_becomes_a_sample_or_a_rejection(name: str, tmp_path: Path) -> None:
    counts = built(name, tmp_path / "root")
    items = scanned(name, tmp_path / "root")
    found = samples(items)
    assert (len(found), len(items) - len(found)) == counts
    assert found
    assert items == scanned(name, tmp_path / "root")  # the same again, in the same order
    info = registry.load("datasets", name)().info
    for sample in found:
        assert (sample.dataset, sample.licence) == (name, info.licence)
        assert len(sample.id.partition("#")[0]) == 64
        assert (sample.label is None) or not info.audit_only
    assert all(item.reason and " " not in item.reason for item in items
               if isinstance(item, Rejection))  # fmt: skip
    places = Counter((sample.id, sample.path) for sample in found)
    assert max(places.values()) == 1


def essence(items: Iterable[Sample | Rejection]) -> Counter[Any]:
    """Returns what must not depend on how a data set is packed."""
    return Counter(
        (item.id, item.label, item.subject, item.split, item.frame)
        if isinstance(item, Sample)
        else item.reason
        for item in items
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_reads_as_its_folder(name: str, kind: str, tmp_path: Path) -> None:
    built(name, tmp_path / "root")
    files = [path for path in sorted((tmp_path / "root").rglob("*")) if path.is_file()]
    archive = tmp_path / "packed" / f"set.{kind}"
    archive.parent.mkdir()
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for file in files:
                packed.write(file, file.relative_to(tmp_path / "root"))
    else:
        with tarfile.open(archive, "w:gz") as packed_tar:
            for file in files:
                packed_tar.add(file, file.relative_to(tmp_path / "root"))
    whole = essence(scanned(name, tmp_path / "root"))
    assert essence(scanned(name, archive)) == whole
    if not any(file.suffix in (".zip", ".tar") for file in files):
        assert essence(scanned(name, archive.parent)) == whole


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_cannot_be_read_is_rejected(name: str, tmp_path: Path) -> None:
    built(name, tmp_path / "root")
    before = samples(scanned(name, tmp_path / "root"))
    files = (s.path.rpartition("!/")[0] if is_frame(s.path) else s.path for s in before)
    path = next((file for file in files if "!/" not in file), None)
    if path is None:
        pytest.skip("its tree holds pictures in tables only")
    (tmp_path / "root" / path).unlink()
    (tmp_path / "root" / path).symlink_to(tmp_path / "nowhere.png")
    items = scanned(name, tmp_path / "root")
    reasons = {item.reason for item in items if isinstance(item, Rejection) and item.path == path}
    assert reasons == {"unreadable"}
    assert path not in {sample.path.partition("!/")[0] for sample in samples(items)}


WHOLE = [name for name in NAMES if "whole_sequences" in registry.load("datasets", name).__dict__]


@pytest.mark.parametrize("name", WHOLE)
def test_whole_sequences_keep_the_frames_in_between(name: str, tmp_path: Path) -> None:
    built(name, tmp_path / "root")
    reader = registry.load("datasets", name)
    some = scanned(name, tmp_path / "root")
    whole = list(reader(whole_sequences=True).scan(tmp_path / "root"))
    labels = {one.path: one.label for one in samples(some)}
    assert {one.path: one.label for one in samples(whole) if one.label} == labels
    between = [one for one in samples(whole) if one.label is None]
    assert between
    assert all(one.sequence and one.frame is not None for one in between)
    assert len(whole) == len(some)
