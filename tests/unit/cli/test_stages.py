"""Settings of a stage: from a file's own section, or from defaults, never by mistake."""

import pytest

from mien.cli.stages import settings_of
from mien.core.config import StageConfig
from mien.core.errors import ConfigError


class Settings(StageConfig):
    size: int = 3


def test_a_section_and_set_values_are_laid_over_the_defaults(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text("[train]\nsize = 4\n")
    assert settings_of(Settings, None, "train", None).size == 3
    assert settings_of(Settings, file, "train", None).size == 4
    assert settings_of(Settings, file, "train", ["train.size=5"]).size == 5


def test_a_file_that_says_nothing_of_the_stage_is_refused(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text("size = 4\n")
    with pytest.raises(ConfigError, match=r"no section \[train\]"):
        settings_of(Settings, file, "train", None)
