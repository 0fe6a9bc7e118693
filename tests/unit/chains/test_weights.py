"""The listing of published weights, and the text after a conversion."""

import sys
from pathlib import Path

import pytest
import torch

from mien.chains import weights
from mien.core import registry
from mien.core.errors import MissingExtraError
from mien.models import known_weights
from tests.unit.models.foreign_files import Small


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(registry, "_registered", {"networks": {"small": Small}})
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def columns() -> dict[tuple[str, str], list[str]]:
    """Returns the cells of the table by network and start."""
    table = weights.listing().split("\n\n")[0].splitlines()
    starts = [table[0].index(word) for word in weights._COLUMNS]
    cells = [
        [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
        for line in table
    ]
    assert cells[0] == list(weights._COLUMNS)
    return {(row[0], row[1]): row[2:] for row in cells[1:]}


def test_every_published_start_has_a_row_and_a_block() -> None:
    rows = columns()
    assert len(rows) == len(known_weights.PUBLISHED)
    assert rows["alexnet", "imagenet"] == ["you", "no", "yes", "caffe"]
    assert rows["vgg16", "face"] == ["you", "no", "no", "caffe"]
    assert rows["resnet101", "imagenet"] == ["torchvision", "no", "unknown", "torch"]
    assert rows["resnet101", "face"] == ["-"] * 4
    text = weights.listing()
    for row in known_weights.PUBLISHED:
        assert row.url in text
        assert row.licence in text or row.form == "none"
        assert row.checksum in text
    assert "sha256:397923af..., the first digits" in text
    assert "checksum: none published" in text
    assert "mien weights convert 068.ckpt --network mobilefacenet --start face" in text


def test_what_is_here_is_said(tmp_path: Path) -> None:
    place = known_weights.converted("alexnet", "imagenet")
    place.parent.mkdir()
    place.write_bytes(b"")
    fetched = tmp_path / "torch" / "hub" / "checkpoints" / "vgg16-397923af.pth"
    fetched.parent.mkdir(parents=True)
    fetched.write_bytes(b"")
    rows = columns()
    assert [rows[n, "imagenet"][1] for n in ("alexnet", "vgg16", "resnet101")] == [
        "yes", "yes", "no"]  # fmt: skip
    assert f"here: {place}" in weights.listing()
    assert f"here: {fetched}" in weights.listing()


def test_a_conversion_says_how_to_use_it(tmp_path: Path) -> None:
    torch.save(Small().build(7).state_dict(), tmp_path / "a.pth")
    said = weights.convert(tmp_path / "a.pth", "small", start="face").splitlines()
    assert said == [
        f"wrote: {tmp_path / 'cache' / 'small-face.safetensors'}",
        'use it: [train] network = "small", start = "face"',
    ]
    out = tmp_path / "b.safetensors"
    said = weights.convert(tmp_path / "a.pth", "small", out=out).splitlines()
    assert said[-1] == f'use it: [train] network = "small", start = "{out}"'
    Small().build(7, "face")
    Small().build(7, str(out))


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] in ("torch", "safetensors")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "mien.models.convert", raising=False)
    with pytest.raises(MissingExtraError, match=r"mien\[train\]"):
        weights.convert(tmp_path / "a.pth", "small")
