"""Where the pictures of a catalogue stand."""

from pathlib import Path

import pytest

from mien.core.errors import DataError, ImageError
from mien.core.origins import (
    Source,
    check_roots,
    licences,
    picture,
    read_sources,
    write_sources,
)
from mien.core.types import SourceInfo
from trees import draw

INFO = SourceInfo("internet", "Web", "none", "no", "example.org", "Me 2020")


def test_sources_survive_the_disk(tmp_path: Path) -> None:
    source = Source("web", "internet", tmp_path, {"legend": "l.csv"}, INFO)
    write_sources([source], tmp_path)
    found = read_sources(tmp_path)
    assert found == {"web": source}
    draw(tmp_path / "a" / "b.png", 1, size=(5, 3))
    assert picture("web", "a/b.png", found).shape == (3, 5, 3)
    with pytest.raises(ImageError, match=r"c\.png"):
        picture("web", "a/c.png", found)


@pytest.mark.parametrize("text", [None, "{", "[1]", '[{"dataset": "a"}]'])
def test_a_damaged_file_says_so(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "sources.json").write_text(text)
    with pytest.raises(DataError, match="mien merge"):
        read_sources(tmp_path)


def test_roots_are_checked(tmp_path: Path) -> None:
    sources = {"web": Source("web", "internet", tmp_path / "gone", {}, INFO)}
    with pytest.raises(DataError, match="no longer at"):
        check_roots(sources, ["web"])
    with pytest.raises(DataError, match="'jaffe'"):
        check_roots(sources, ["jaffe"])


@pytest.mark.parametrize(
    ("terms", "allowed"),
    [(("yes", "yes"), "yes"), (("yes", "unknown"), "unknown"), (("no", "unknown"), "no")],
)
def test_the_strictest_licence_counts(tmp_path: Path, terms: tuple[str, str], allowed: str) -> None:
    sources = {
        name: Source(name, "x", tmp_path, {}, SourceInfo(name, name.upper(), "terms", use, "", ""))
        for name, use in zip("ab", terms, strict=True)
    }
    sources["c"] = Source("c", "x", tmp_path, {}, SourceInfo("c", "C", "terms", "no", "", ""))
    assert licences(sources, ["b", "a", "b"]) == (("A: terms", "B: terms"), allowed)
    assert licences(sources, []) == ((), "unknown")
