"""What every test may ask for: real pictures where they lie, and a machine of its own."""

import ipaddress
import os
import socket
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

YUNET = "face_detection_yunet_2023mar.onnx"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks whatever asks for real pictures, so that ``-m 'not real_data'`` leaves it out."""
    for item in items:
        if "test_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real_data)


@pytest.fixture(scope="session", autouse=True)
def _own_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Gives the tests an empty cache folder and no network beyond this machine."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX and not _is_local(address):
            raise ConnectionRefusedError(f"tests stay on this machine; {address} is not on it")
        connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        for name in ("MIEN_CACHE", "MIEN_OFFLINE", "MIEN_YUNET", "MIEN_YUNET_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(socket.socket, "connect", local_only)
        yield


def _is_local(address: object) -> bool:
    host = address[0] if isinstance(address, tuple) else ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Returns the folder of real pictures."""
    folder = os.environ.get("MIEN_TEST_DATA")
    if not folder:
        pytest.skip("MIEN_TEST_DATA is not set: it names the folder of real pictures")
    path = Path(folder).resolve()
    if not path.is_dir():
        pytest.fail(f"MIEN_TEST_DATA names {folder}, which is no folder")
    return path


@pytest.fixture(scope="session")
def unpacked(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Returns a function that gives an archive's folder, unpacked at its first use.

    ``unpacked("internet")`` unpacks ``internet.tar`` and returns the folder ``internet``.
    """
    folder = tmp_path_factory.mktemp("data")
    # Python 3.11.4 brought the filter; 3.14 makes it the default.
    safely: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}

    def root(name: str) -> Path:
        if not (folder / name).exists():
            with tarfile.open(test_data / f"{name}.tar") as archive:
                archive.extractall(folder, **safely)
        return folder / name

    return root


@pytest.fixture(scope="session")
def yunet_weights(test_data: Path) -> Path:
    """Returns the weights of YuNet, which mien may not ship."""
    path = test_data.parent / "weights" / YUNET
    if not path.is_file():
        pytest.skip(f"{YUNET} does not lie in the folder weights beside MIEN_TEST_DATA")
    return path
