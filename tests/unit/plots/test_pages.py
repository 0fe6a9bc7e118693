"""Pages: one file that asks for nothing from elsewhere, and believes no path or label."""

from __future__ import annotations

import base64
import io
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import PIL.Image
import polars as pl
import pytest

from mien.core.errors import MissingExtraError
from mien.core.origins import Source
from mien.core.types import SourceInfo
from mien.plots import audit_page, pages
from mien.plots.audit_page import Group
from mien.plots.pages import data_uri, thumbnail, write_page

INFO = SourceInfo("internet", "Web", "none <b>", "no", "example.org", "Me 2020")
NASTY = "<script>alert(1)</script>.png"


def _colour(side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def _decoded(uri: str) -> PIL.Image.Image:
    assert uri.startswith("data:image/")
    return PIL.Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_pictures_fit_their_square() -> None:
    assert thumbnail(np.zeros((300, 150, 3), np.uint8), 96).shape == (96, 48, 3)
    small = _colour(20)
    assert np.array_equal(thumbnail(small, 96), small)


def test_small_pictures_are_kept_exactly_and_grey_ones_as_grey() -> None:
    colour = _colour(48)
    assert np.array_equal(np.array(_decoded(data_uri(colour))), colour)
    large = _decoded(data_uri(_colour(96)))
    assert (large.format, large.mode, large.size) == ("JPEG", "RGB", (96, 96))
    grey = _decoded(data_uri(np.full((9, 9, 3), 7, np.uint8)))
    assert (grey.format, grey.mode) == ("PNG", "L")


class _Tags(HTMLParser):
    """Collects tags, and checks that they close in order."""

    void = ("meta", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _check(text: str) -> _Tags:
    """Checks what holds for every page."""
    tags = _Tags(text)
    assert "script" not in {tag for tag, _ in tags.seen}
    assert all(
        str(attrs[name]).startswith(("data:", "#"))
        for _, attrs in tags.seen
        for name in ("src", "href")
        if name in attrs
    )
    assert not re.search(r"https?://|@import|url\(", text)
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert "do not publish it" in text
    return tags


def test_the_sheet_escapes_what_comes_from_elsewhere(tmp_path: Path) -> None:
    faces = [{"path": NASTY, "picture": data_uri(_colour(9))}, {"path": "b", "picture": None}]
    path = write_page(
        tmp_path / "s.html",
        "sheet.html.j2",
        title="Contact sheet",
        pictures=1234,
        by="label",
        per_cell=2,
        seed=0,
        size=96,
        columns=4,
        unreadable=1,
        sources=["a<b"],
        rows=[{"name": "5-happy", "cells": [{"count": 2, "faces": faces}]}],
    )
    text = path.read_text("utf-8")
    tags = _check(text)
    assert "1,234 pictures" in text
    assert "a&lt;b" in text
    assert text.count("cannot be read") == 2  # the cell, and the count above
    (image,) = [attrs for tag, attrs in tags.seen if tag == "img"]
    assert image["title"] == NASTY


def test_the_audit_shows_pairs_side_by_side(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        PIL.Image.fromarray(_colour(60)).save(tmp_path / name)
    key = {"id": ["1", None], "dataset": ["web", "web"], "path": ["a.png", None]}
    other = {"other_id": ["2", None], "other_dataset": ["web", None]}
    first = pl.DataFrame(
        key | other | {"other_path": ["b.png", None], "value": [0.98, 3.0], "detail": ["x", "y"]}
    )
    lone = first.head(1).with_columns(
        id=pl.lit("3"), path=pl.lit(NASTY), other_id=pl.lit(None, pl.String)
    )
    table = pl.DataFrame(
        {"id": ["1", "2", "3"], "dataset": ["web"] * 3, "path": ["a.png", "b.png", NASTY],
         "label": ["happy", None, "fear"], "part": ["web/train", "web/valid", "web"]}
    )  # fmt: skip
    across = pl.DataFrame(
        {"part": ["web"], "pictures": [3], "other_part": ["web"], "exact": [1], "near": [1],
         "either": [2]}
    )  # fmt: skip
    groups = [
        Group("near_duplicate", "nearly the same", "the least alike first", 7, first.head(1)),
        Group("dark", "very dark", "", 1, lone),
        Group("unreadable", "cannot be read", "", 1, lone),
        Group("imbalance", "rare classes", "", 1, first.tail(1)),
        Group("tiny", "very small", "", 0, first.head(0)),
    ]
    sources = {"web": Source("web", "internet", tmp_path, {}, INFO)}
    path = audit_page.write(tmp_path / "a.html", groups, table, across, sources, ["A note."])
    text = path.read_text("utf-8")
    tags = _check(text)
    assert len([tag for tag, _ in tags.seen if tag == "img"]) == 2
    for words in ("A note.", "web (none &lt;b&gt;)", "cosine 0.980, x", "7 found", "1 of them here",
                  "no label", "web/valid", "web: y", "&lt;script&gt;"):  # fmt: skip
        assert words in text, words
    assert 'id="tiny"' not in text


def test_without_jinja_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pages._environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"mien\[data\]"):
        write_page(tmp_path / "a.html", "page.html.j2", title="x")
