"""What every reader of a data set owes its socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.core import registry
from mien.core.errors import DataError
from mien.core.protocols import DatasetReader

NAMES = registry.names("datasets")


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_reads(name: str) -> None:
    reader = registry.load("datasets", name)()
    assert isinstance(reader, DatasetReader)
    assert reader.info.name == name
    assert reader.info.commercial_use in ("yes", "no", "unknown")
    for text in (reader.info.title, reader.info.licence, reader.info.url, reader.info.citation):
        assert text


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_or_foreign_folder_is_told(name: str, tmp_path: Path) -> None:
    reader = registry.load("datasets", name)()
    with pytest.raises(DataError):
        list(reader.scan(tmp_path / "missing"))
    (tmp_path / "letter.txt").write_text("Dear reader")
    with pytest.raises(DataError):
        list(reader.scan(tmp_path))
