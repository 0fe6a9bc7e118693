"""The user's cache folder."""

from pathlib import Path

import pytest

from mien.core.cache import cache_folder
from mien.core.errors import DownloadError


def test_the_environment_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "a"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert cache_folder("it", "that") == tmp_path / "a"
    monkeypatch.delenv("MIEN_CACHE")
    assert cache_folder("it", "that") == tmp_path / "b" / "mien"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_folder("it", "that") == tmp_path / ".cache" / "mien"
    assert not list(tmp_path.iterdir())


def test_without_a_home_it_says_what_to_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError

    for name in ("MIEN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", home)
    with pytest.raises(DownloadError, match="cache folder for the weights.*MIEN_CACHE, or a path"):
        cache_folder("the weights", "a path")
