"""The seven classes, their CK+ codes and every spelling that data sets use for them.

The order of `CLASSES` is the order of every logit, probability and vote vector in mien. The code
of a class is its CK+ emotion code (Lucey et al. 2010), so contempt (2) leaves a gap.
"""

from __future__ import annotations

import re
from typing import Final

from mien.core.errors import LabelError

CLASSES: Final = ("neutral", "anger", "disgust", "fear", "happy", "sadness", "surprise")
CODES: Final = (0, 1, 3, 4, 5, 6, 7)
CONTEMPT: Final = "contempt"
"""An audit label: a catalogue may keep it, no network is trained on it."""

_CODE_OF: Final = {**dict(zip(CLASSES, CODES, strict=True)), CONTEMPT: 2}

_SPELLINGS: Final = {
    "neutral": "neutral neutrality normal ne neu n natural",
    "anger": "anger angry ang an enojado",
    "disgust": "disgust disgusted dis di",
    "fear": "fear fearful afraid scared af fe fea",
    "happy": "happy happiness happines joy ha hap smile",
    "sadness": "sadness sad unhappy sa",
    "surprise": "surprise surprised suprise suprised astonished su sur",
    CONTEMPT: "contempt contemptuous con",
}
_CLASS_OF: Final = {word: name for name, words in _SPELLINGS.items() for word in words.split()}


def code(name: str) -> int:
    """Returns the CK+ code of a class name, such as 5 for ``"happy"``.

    Raises:
        LabelError: the name is neither one of the seven classes nor contempt.
    """
    try:
        return _CODE_OF[name]
    except KeyError:
        raise LabelError(
            f"{name!r} is not a class. Expected one of: {', '.join(_CODE_OF)}."
        ) from None


def titled(name: str) -> str:
    """Returns a class with its code as the thesis prints it, such as ``"5-happy"``."""
    return f"{code(name)}-{name}"


def parse(text: str) -> str:
    """Returns the class that a spelling means.

    Case, blanks, ``_`` and ``-`` do not matter. A leading number, as in ``"1-anger"``, must be
    the CK+ code of the word after it.

    Args:
        text: a word or folder name, such as ``"Happiness"``, ``"AF"`` or ``"1-anger"``.

    Returns:
        One of `CLASSES`, or ``"contempt"``.

    Raises:
        LabelError: the word is unknown, is a bare number, or its number belongs to another class.
    """
    digits, word = re.fullmatch(r"(\d*)(.*)", text.strip(), re.DOTALL).groups()  # type: ignore[union-attr]  # the pattern matches any text
    key = re.sub(r"[\s_.-]+", "", word).casefold()
    if not key and digits:
        raise LabelError(
            f"The label {text!r} is only a number, and data sets number their classes "
            "differently. Name the label set of the source instead."
        )
    name = _CLASS_OF.get(key)
    if name is None:
        known = ", ".join((*CLASSES, CONTEMPT))
        raise LabelError(
            f"The label {text!r} is not a known spelling of an expression. Expected a spelling "
            f"of: {known}. Map it in the source's options if it means one of these."
        )
    if digits and int(digits) != _CODE_OF[name]:
        raise LabelError(
            f"The label {text!r} contradicts itself: {name} has the code {_CODE_OF[name]}, "
            f"not {int(digits)}. Rename the folder, or name the label set of the source."
        )
    return name
