"""FER+ in its published layout, which two readers share; no image of any data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trees import ferplus as tree


@pytest.fixture
def ferplus(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes FER+ from rows of (usage, number, ten votes, own label)."""

    def written(*rows: tuple[str, int, str, int], root: Path = tmp_path / "ferplus") -> Path:
        return tree.write(root, rows)

    return written
