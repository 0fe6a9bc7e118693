"""Two public-domain portraits that ship inside libraries, and what stands beside them."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from mien.core.images import decode
from mien.core.types import Image
from mien.faces.yunet import YuNet


@functools.cache
def _portrait(name: str) -> Image:
    if name == "astronaut":
        data = pytest.importorskip("skimage.data", reason="scikit-image is not installed")
        return decode(data.astronaut())
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    return decode(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg")


@pytest.fixture(params=["astronaut", "hopper"])
def portrait(request: pytest.FixtureRequest) -> Image:
    """One person, (height, width, 3) RGB."""
    return _portrait(request.param)


@pytest.fixture
def astronaut() -> Image:
    """One person, (512, 512, 3) RGB."""
    return _portrait("astronaut")


@pytest.fixture(scope="session")
def yunet(yunet_weights: Path) -> YuNet:
    """YuNet with its real weights."""
    return YuNet(yunet_weights)
