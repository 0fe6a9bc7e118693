"""Where the pictures of a catalogue stand."""

from pathlib import Path

import pytest

from mien.core.errors import DataError
from mien.core.origins import Source, check_roots, image_path, read_sources, write_sources
from mien.core.types import SourceInfo

INFO = SourceInfo("internet", "Web", "none", "no", "example.org", "Me 2020")


def test_sources_survive_the_disk(tmp_path: Path) -> None:
    source = Source("web", "internet", tmp_path, {"legend": "l.csv"}, INFO)
    write_sources([source], tmp_path)
    found = read_sources(tmp_path)
    assert found == {"web": source}
    assert image_path("web", "a/b.png", found) == tmp_path / "a" / "b.png"


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
