import pytest

from mien.core.artifact import digest
from mien.core.assets import asset
from mien.core.errors import ChecksumError, ModelError
from mien.faces.ert import SHA256


def test_a_shipped_file_is_found_and_verified() -> None:
    with asset("landmarks/ert5.dat", SHA256) as path:
        assert digest(path) == SHA256


def test_an_altered_or_missing_one_is_said() -> None:
    with (
        pytest.raises(ChecksumError, match=r"ert5\.dat was altered"),
        asset("landmarks/ert5.dat", "0" * 64),
    ):
        pass
    with pytest.raises(ModelError, match="install mien again"), asset("landmarks/gone.dat", SHA256):
        pass
