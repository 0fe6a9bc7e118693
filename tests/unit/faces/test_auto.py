from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.core import registry
from mien.core.errors import ChecksumError, DownloadError
from mien.faces import auto, weights


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    auto.choice.cache_clear()
    yield
    auto.choice.cache_clear()


def failing(error: Exception, calls: list[int]):
    def find(named: Path | None = None) -> Path:
        calls.append(1)
        raise error

    return find


@pytest.mark.parametrize("error", [DownloadError("gone"), ChecksumError("altered")])
def test_without_its_file_hog_steps_in_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(weights, "find", failing(error, calls))
    assert [registry.load("detectors", "auto")().name for _ in range(3)] == ["hog"] * 3
    assert len(calls) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "hog" in said
    assert ("altered" if isinstance(error, ChecksumError) else "--detector yunet") in said


def test_with_its_file_it_is_yunet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], yunet_weights: Path
) -> None:
    monkeypatch.setenv("MIEN_YUNET", str(yunet_weights))
    assert auto.auto().name == "yunet"
    assert not capsys.readouterr().err


def test_offline_it_is_hog(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MIEN_YUNET", raising=False)
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    assert auto.auto().name == "hog"
