from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mien.cli.app import app
from mien.core.errors import ConfigError, MissingExtraError
from mien.serve.server import Place
from mien.serve.settings import ServeSettings

RUNNER = CliRunner()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr("mien.serve.server.serve", lambda *given: found.extend(given))
    return found


def test_options_become_settings(started: list[Any], model: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    result = RUNNER.invoke(app, [
        "serve", "--purpose", "medical-or-safety", "--model", str(model), "--model", "other",
        "--detector", "yunet, full-frame", "--port", "0", "--workers", "3", "--jobs", "2",
        "--token-file", str(token), "--no-link", "--max-bytes", "2000", "--max-pixels", "300",
        "--max-images", "4", "--max-faces", "5", "--max-seconds", "6.5", "--queue", "7",
        "--rate", "0", "--grace", "9", "--prior", "balanced", "--host", "::1",
        "--tls-cert", "cert.pem", "--tls-key", "key.pem", "--max-video-bytes", "3000",
        "--max-video-seconds", "8", "--max-video-frames", "11", "--max-video-wait", "12",
    ])  # fmt: skip
    assert result.exit_code == 0, result.output
    assert started == [
        ServeSettings(
            purpose="medical-or-safety",
            models=(str(model), "other"),
            detector=("yunet", "full-frame"),
            prior="balanced",
            token_file=token,
            jobs=2,
            limits={  # type: ignore[arg-type]
                "bytes": 2000, "pixels": 300, "images": 4, "faces": 5, "seconds": 6.5, "queue": 7,
                "per_minute": 0, "video_bytes": 3000, "video_seconds": 8, "video_frames": 11,
                "video_wait": 12,
            },
        ),
        Place("::1", 0, 3, Path("cert.pem"), Path("key.pem"), 9, False),
    ]  # fmt: skip
    assert token.stat().st_mode & 0o777 == 0o600


def test_what_is_not_said_is_the_safe_default(started: list[Any], tmp_path: Path) -> None:
    token = tmp_path / "token"
    arguments = ["serve", "--purpose", "research", "--token-file", str(token)]
    assert RUNNER.invoke(app, arguments).exit_code == 0
    assert started == [ServeSettings(purpose="research", token_file=token), Place()]
    assert started[1].host == "127.0.0.1"


@pytest.mark.parametrize("purpose", ["workplace", "education"])
def test_what_the_law_forbids_does_not_start(purpose: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    command = [
        sys.executable,
        "-m",
        "mien",
        "serve",
        "--purpose",
        purpose,
        "--token-file",
        str(token),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Article 5(1)(f)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not token.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--purpose", "fun"], "is not known"),
        (["--purpose", "research", "--engine", "spark"], "--engine 'spark' is not known"),
        (["--purpose", "research", "--model", "a", "--model", "a"], "each model is named once"),
        (["--purpose", "research", "--max-seconds", "inf"], "finite"),
    ],
)
def test_what_does_not_fit_is_told(
    arguments: list[str], words: str, tmp_path: Path, started: list[Any]
) -> None:
    token = ["--token-file", str(tmp_path / "token")]
    result = RUNNER.invoke(app, ["serve", *token, *arguments])
    assert isinstance(result.exception, ConfigError)
    assert words in str(result.exception)
    assert not started


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "--purpose"), (["--purpose", "research", "--port", "70000"], "--port"),
     (["--purpose", "research", "--workers", "0"], "--workers")],
)  # fmt: skip
def test_options_that_are_none_are_misuse(arguments: list[str], words: str) -> None:
    result = RUNNER.invoke(app, ["serve", *arguments])
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.parametrize(
    ("engine", "missing", "extra"), [("local", "uvicorn", "serve"), ("ray", "ray", "ray")]
)
def test_a_missing_extra_is_named(
    engine: str, missing: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [
        one for one in sys.modules if one.startswith(("mien.serve.server", "mien.serve.ray"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    arguments = ["serve", "--purpose", "research", "--token-file", str(tmp_path / "token")]
    result = RUNNER.invoke(app, [*arguments, "--engine", engine])
    assert isinstance(result.exception, MissingExtraError)
    assert result.exception.extra == extra
