from __future__ import annotations

from importlib import util

import pytest

from mien.chains.samples import photographs
from mien.core.errors import MissingExtraError


def test_two_photographs_are_found() -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("skimage")
    assert [path.name for path in photographs()] == ["grace_hopper.jpg", "astronaut.png"]


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="matplotlib's sample photograph"):
        photographs()
