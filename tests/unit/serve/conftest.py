"""Fixtures of the service's tests: its settings with the tiny model, and a client inside."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from starlette.testclient import TestClient

from mien.serve.app import create
from mien.serve.settings import Limits, ServeSettings
from tests.unit.conftest import make_model

TOKEN = "a-token-of-the-tests-0123456789"
OPEN = {"Authorization": f"Bearer {TOKEN}"}

Starter = Callable[..., TestClient]


def picture(grey: int = 230, side: int = 64, kind: str = "PNG") -> bytes:
    """A file with a grey square."""
    out = io.BytesIO()
    PIL.Image.new("RGB", (side, side), (grey, grey, grey)).save(out, kind)
    return out.getvalue()


BRIGHT, DARK = picture(), picture(20)


@pytest.fixture
def token_path(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "brightness")


@pytest.fixture
def settings(tiny: Path, token_path: Path) -> ServeSettings:
    return ServeSettings(
        purpose="research",
        models=(str(tiny),),
        detector=("full-frame",),
        token_file=token_path,
        jobs=2,
    )


@pytest.fixture
def start(settings: ServeSettings) -> Iterator[Starter]:
    """Starts a service with other limits or settings; its client shows the token."""
    with ExitStack() as stack:

        def started(limits: dict[str, Any] | None = None, **changes: Any) -> TestClient:
            changed = settings.model_copy(update={"limits": Limits(**(limits or {})), **changes})
            client = TestClient(create(changed), headers=OPEN)
            return stack.enter_context(client)

        yield started


@pytest.fixture
def client(start: Starter) -> TestClient:
    return start()
