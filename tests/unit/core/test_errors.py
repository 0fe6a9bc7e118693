"""One tree of errors: catching the base catches all, catching the built-in kind works too."""

from __future__ import annotations

import inspect
import re

import pytest

from mien.core import errors

ALL = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == errors.__name__
}


def test_every_error_is_a_mien_error() -> None:
    assert len(ALL) > 10
    assert all(issubclass(kind, errors.MienError) for kind in ALL.values())


def test_the_tree_at_the_top_of_the_file_is_the_real_one() -> None:
    drawn: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^( {4}[| ]*(?:[|`]-- )?)([A-Z]\w+)\b", line)
        if not found:
            continue
        depth, name = len(found[1]), found[2]
        while path and path[-1][0] >= depth:
            path.pop()
        drawn[name] = path[-1][1] if path else "Exception"
        path.append((depth, name))
    assert drawn == {name: kind.__bases__[0].__name__ for name, kind in ALL.items()}


@pytest.mark.parametrize(
    ("kind", "built_in"),
    [
        (errors.ImageError, ValueError),
        (errors.ConfigError, ValueError),
        (errors.DataError, ValueError),
        (errors.UnknownNameError, KeyError),
        (errors.MissingExtraError, ImportError),
        (errors.DownloadError, OSError),
    ],
)
def test_errors_are_also_of_the_built_in_kind(kind: type, built_in: type) -> None:
    assert issubclass(kind, built_in)


def test_a_missing_extra_names_the_command() -> None:
    error = errors.MissingExtraError("Writing Parquet", "data")
    assert "pip install 'mien[data]'" in str(error)
    assert error.extra == "data"


def test_an_unknown_name_prints_without_quotes() -> None:
    assert str(errors.UnknownNameError("There is no such name.")) == "There is no such name."
    assert str(errors.UnknownNameError()) == ""
