from pathlib import Path

import pytest

from mien.core.artifact import write_json
from mien.core.errors import ConfigError
from mien.core.framing import check_framing
from mien.core.spec import Preprocess


def test_faces_must_be_cut_by_the_aligner_of_the_network(tmp_path: Path) -> None:
    check_framing(tmp_path, Preprocess())  # a folder from elsewhere says nothing
    write_json(tmp_path / "meta.json", {"config": {"aligner": "eye-line"}})
    check_framing(tmp_path, Preprocess(aligner="eye-line"))
    with pytest.raises(ConfigError, match="cut by the aligner 'eye-line'"):
        check_framing(tmp_path, Preprocess())
    write_json(tmp_path / "meta.json", {"config": {}})
    check_framing(tmp_path, Preprocess())
