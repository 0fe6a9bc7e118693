"""Settings: strict, read from TOML, with values laid over them."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core import config
from mien.core.errors import ConfigError

KEYS = st.text("abcdefgh_", min_size=1, max_size=4)
VALUES = st.one_of(st.integers(-(2**53), 2**53), st.booleans())
TREES = st.dictionaries(KEYS, st.recursive(VALUES, lambda t: st.dictionaries(KEYS, t)), max_size=4)


class Settings(config.StageConfig):
    rate: float = 0.1
    steps: int = 3


def _set(path: list[str], value: object) -> str:
    return ".".join(path) + "=" + str(value).lower()


@given(TREES, KEYS, KEYS, VALUES)
def test_overlay_sets_one_value_and_changes_nothing_else(
    tree: dict[str, Any], section: str, key: str, value: object
) -> None:
    if not isinstance(tree.get(section, {}), dict):
        with pytest.raises(ConfigError, match="not a section"):
            config.overlay(tree, [_set([section, key], value)])
        return
    before = repr(tree)
    result = config.overlay(tree, [_set([section, key], value)])
    assert repr(tree) == before
    assert result[section][key] == value
    rest = {k: v for k, v in result[section].items() if k != key}
    assert rest == {k: v for k, v in tree.get(section, {}).items() if k != key}
    assert {k: v for k, v in result.items() if k != section} == {
        k: v for k, v in tree.items() if k != section
    }


@given(TREES)
def test_overlay_of_nothing_is_a_copy(tree: dict[str, Any]) -> None:
    assert config.overlay(tree, []) == tree


@pytest.mark.parametrize(
    ("text", "value"),
    [("a.b=5", 5), ("a.b=0.5", 0.5), ('a.b=["x"]', ["x"]), ("a.b=word", "word"), ("a.b=", "")],
)
def test_values_are_toml_or_words(text: str, value: object) -> None:
    assert config.overlay({}, [text]) == {"a": {"b": value}}


@pytest.mark.parametrize("text", ["a.b", "=5", "a..b=1", ".a=1"])
def test_a_set_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        config.overlay({}, [text])


def test_read_lays_sets_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("[train]\nrate = 1\nsteps = 2\n")
    assert config.read(file, ["train.rate=7"]) == {"train": {"rate": 7, "steps": 2}}


def test_read_tells_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        config.read(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(ConfigError, match="is not TOML"):
        config.read(tmp_path / "bad.toml")


def test_check_names_the_known_keys_and_the_close_one() -> None:
    with pytest.raises(ConfigError, match=r"step: .*did you mean 'steps'.*rate, steps"):
        config.check(Settings, {"step": 4}, "train")


def test_check_tells_what_was_wrong_with_a_value() -> None:
    with pytest.raises(ConfigError, match=r"\[train\](.|\n)*rate: .*'fast'"):
        config.check(Settings, {"rate": "fast"}, "train")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().rate = 2.0
