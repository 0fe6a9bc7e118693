"""What can be read is listed with its licence and where to ask for it."""

from pathlib import Path

import pytest

from mien.chains.sources import infos, listing, page
from mien.core import registry
from mien.core.errors import UnknownNameError

DOCS = Path(__file__).parents[3] / "docs" / "data.md"


def test_every_reader_is_listed() -> None:
    text = listing()
    for info in infos():
        assert f"{info.name}: {info.title}" in text
        assert info.licence in text
        assert info.url in text
    assert "fairface: FairFace, no expressions: for audits only" in text
    assert "mien downloads none of them" in text


def test_one_reader_tells_all() -> None:
    text = page("jaffe")
    for word in ("Where: ", "How to get it: ", "Expects: ", "HA = happy", "Cite: ", "label_source"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 100
    with pytest.raises(UnknownNameError, match="Did you mean 'jaffe'"):
        page("jafe")


@pytest.mark.parametrize("name", registry.names("datasets"))
def test_the_pages_name_every_reader(name: str) -> None:
    assert f"`{name}`" in DOCS.read_text("utf-8")
