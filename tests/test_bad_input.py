"""Every bad picture of the list, in one batch, through the command line: none harms the rest."""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from typer.testing import CliRunner

from mien.cli.app import app
from tests.unit.conftest import make_model

RUNNER = CliRunner()


def huge_png(width: int, height: int) -> bytes:
    """A PNG whose header promises more pixels than its body holds."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    folder = tmp_path / "gallery"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    good = PIL.Image.fromarray(noise)
    good.save(folder / "good.jpg")
    (folder / "zero.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes((folder / "good.jpg").read_bytes()[:2000])
    (folder / "page.jpg").write_text("<!DOCTYPE html><title>404</title>")
    good.resize((1, 1)).save(folder / "one.png")
    (folder / "huge.png").write_bytes(huge_png(60_000, 60_000))
    frames = [good.convert("P"), good.rotate(90).convert("P")]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    good.convert("CMYK").save(folder / "cmyk.jpg")
    deep = np.linspace(0, 65535, 90 * 120).reshape(90, 120).astype(np.uint16)
    PIL.Image.fromarray(deep).save(folder / "deep.png")
    good.convert("P").save(folder / "palette.png")
    good.convert("RGBA").save(folder / "alpha.png")
    turned = PIL.Image.Exif()
    turned[0x0112] = 6
    good.save(folder / "turned.jpg", exif=turned)
    good.save(folder / "ein schönes Bild.png")
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    (folder / "secret.png").write_bytes((folder / "alpha.png").read_bytes())
    os.chmod(folder / "secret.png", 0)
    return folder


BAD = {
    "zero.jpg": "0 bytes",
    "cut.jpg": "damaged or cut short",
    "page.jpg": "web page",
    "huge.png": "60000 x 60000|too large",
    "loop.jpg": "cannot be read",
    "secret.png": "cannot be read",
}


def test_one_batch_of_everything(gallery: Path, tmp_path: Path) -> None:
    model, out = make_model(tmp_path / "model"), tmp_path / "rows.json"
    result = RUNNER.invoke(app, [
        "predict", str(gallery), "--model", str(model), "--detector", "full-frame",
        "--format", "json", "--out", str(out), "--annotate", str(tmp_path / "copies"),
    ])  # fmt: skip
    assert result.exit_code == 3
    rows = {Path(row["path"]).name: row for row in json.loads(out.read_text())}
    assert len(rows) == len(list(gallery.iterdir()))
    for name, row in rows.items():
        if name in BAD and not (name == "secret.png" and os.geteuid() == 0):
            assert row["reason"] == "unreadable", name
            assert any(part in row["message"] for part in BAD[name].split("|")), row["message"]
            assert name in row["message"]
        else:
            assert row["reason"] != "unreadable", row["message"]
            assert row["expression"], name


def test_an_upright_picture_comes_out_of_a_turned_file(gallery: Path) -> None:
    from mien.core.images import decode

    assert decode(gallery / "turned.jpg").shape == (120, 90, 3)
    assert decode(gallery / "good.jpg").shape == (90, 120, 3)


def test_a_folder_with_none_is_an_error(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    (tmp_path / "none").mkdir()
    result = RUNNER.invoke(app, ["predict", str(tmp_path / "none"), "--model", str(model),
                                 "--detector", "full-frame"])  # fmt: skip
    assert result.exit_code == 1
    assert "holds no picture" in str(result.exception)
