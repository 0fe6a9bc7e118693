"""Names: built in, registered, or brought by another package."""

import pickle
from pathlib import Path

import pytest

from mien.core import registry
from mien.core.errors import MissingExtraError, UnknownNameError
from mien.engines.local import LocalEngine


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


def test_a_built_in_name_is_loaded() -> None:
    assert registry.load("engines", "local") is LocalEngine


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'yunet'\?.*full-frame") as caught:
        registry.load("detectors", "yunett")
    assert str(caught.value).startswith("There is no detector")


def test_a_registered_name_hides_the_built_in_one() -> None:
    registry.register("engines", "local", dict)
    assert registry.load("engines", "local") is dict
    assert registry.names("engines").count("local") == 1


def test_an_unknown_socket_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="There is no socket named 'detector'"):
        registry.register("detector", "mine", dict)


def test_another_package_can_bring_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brought.py").write_text("class Mine: pass\n")
    info = tmp_path / "brought-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mien.detectors]\nmine = brought:Mine\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "mine" in registry.names("detectors")
    assert registry.load("detectors", "mine").__name__ == "Mine"


def test_every_socket_has_sorted_names() -> None:
    for socket in registry.sockets():
        assert registry.names(socket) == sorted(registry.names(socket))


def test_a_missing_extra_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(MissingExtraError("Drawing", "report")))
    assert str(error) == str(MissingExtraError("Drawing", "report"))
    assert error.extra == "report"
