from __future__ import annotations

import pytest

from mien.core.errors import ConfigError
from mien.serve.purposes import PURPOSES, check_purpose, notice

ALLOWED = ("research", "consumer", "medical-or-safety")


@pytest.mark.parametrize("purpose", ["workplace", "education"])
def test_what_the_law_forbids_is_refused_with_the_law_named(purpose: str) -> None:
    with pytest.raises(ConfigError, match=r"Article 5\(1\)\(f\).*2024/1689.*medical-or-safety"):
        check_purpose(purpose)


@pytest.mark.parametrize("purpose", ALLOWED)
def test_what_is_allowed_has_a_notice_that_promises_no_more_than_is_so(purpose: str) -> None:
    assert check_purpose(purpose) == purpose
    text = notice(purpose)
    for words in ("not what a person feels", "often wrong", "not kept and not logged"):
        assert words in text


def test_each_purpose_has_words_of_its_own() -> None:
    assert len({notice(purpose) for purpose in ALLOWED}) == len(ALLOWED)
    assert set(PURPOSES) == {*ALLOWED, "workplace", "education"}


@pytest.mark.parametrize("purpose", ["", "Research", "marketing"])
def test_another_purpose_is_unknown(purpose: str) -> None:
    with pytest.raises(ConfigError, match="is not known.*research, consumer"):
        check_purpose(purpose)
