"""Spellings of classes: every known one, whatever its case and blanks; nothing guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core import labels
from mien.core.errors import LabelError

KNOWN = sorted(labels._CLASS_OF.items())


def test_order_and_codes_are_those_of_the_thesis() -> None:
    assert labels.CLASSES == (
        "neutral", "anger", "disgust", "fear", "happy", "sadness", "surprise",
    )  # fmt: skip
    assert [labels.code(name) for name in labels.CLASSES] == [0, 1, 3, 4, 5, 6, 7]
    assert labels.code("contempt") == 2


@given(
    st.sampled_from(KNOWN),
    st.sampled_from(["", " ", "\t"]),
    st.sampled_from([str.upper, str.title, str.lower]),
)
def test_parse_knows_every_spelling(pair: tuple[str, str], blank: str, case: object) -> None:
    word, name = pair
    assert labels.parse(blank + case(word) + blank) == name


@given(st.sampled_from(KNOWN), st.sampled_from(["", "-", "_", ". ", " "]))
def test_parse_checks_the_code_before_a_word(pair: tuple[str, str], mark: str) -> None:
    word, name = pair
    right = labels.code(name)
    assert labels.parse(f"{right}{mark}{word}") == name
    with pytest.raises(LabelError, match="contradicts itself"):
        labels.parse(f"{(right + 1) % 8}{mark}{word}")


@given(st.text(max_size=20))
def test_parse_gives_a_class_or_a_label_error(text: str) -> None:
    try:
        name = labels.parse(text)
    except LabelError:
        return
    assert name in (*labels.CLASSES, labels.CONTEMPT)


@pytest.mark.parametrize("digits", ["0", "5", "12", " 3 "])
def test_a_bare_number_is_never_guessed(digits: str) -> None:
    with pytest.raises(LabelError, match="only a number"):
        labels.parse(digits)


@pytest.mark.parametrize("name", labels.CLASSES)
def test_titled_is_parsed_back(name: str) -> None:
    assert labels.parse(labels.titled(name)) == name


def test_code_names_the_classes_in_its_error() -> None:
    with pytest.raises(LabelError, match=r"neutral, .*contempt"):
        labels.code("joyful")
