"""Dartmouth Database of Children's Faces (Dalrymple et al. 2013): 80 children, eight expressions.

How to get it: ask the authors (Social Perception Lab, Dartmouth College) as a researcher.

The layout is **not verified**: no public description of the file names was found. So names are
taken apart at ``_``, ``-``, ``.`` and blanks, and an expression's word (or its first two or three
letters) is looked for in the name, then in the folders above it, nearest first; the first part like
``F012``, else the first like ``012``, is the child. Look at the subjects that come out before you
split by them. If your copy is named otherwise, say how:

    [[merge.sources]]
    reader = "dartmouth"
    root = "data/ddcf"
    options.pattern = '(?P<subject>[0-9]+)-(?P<expr>[a-z]+)-(?P<angle>[0-9lr]+)-(?P<light>[12])'
    options.codes = { ha = "happy", co = "content" }

Eight expressions were posed: the seven classes and, as far as is known, ``content``, a smile
without teeth. It is not among the seven and is rejected as ``no_class`` unless
``content_as_happy = true``.

These are pictures of children, 6 to 16 years old. Treat them as sensitive: keep them where few can
reach them, and show no picture, crop or montage of them, in a report or elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from mien.core import labels, reading
from mien.core.errors import ConfigError, LabelError
from mien.core.tree import Tree
from mien.core.types import Rejection, Sample, SourceInfo

_CONTENT: Final = "content"
_WORDS: Final = {
    "neutral": "neutral",
    "content": _CONTENT,
    "pleased": _CONTENT,
    "happy": "happy",
    "sad": "sadness",
    "angry": "anger",
    "afraid": "fear",
    "fear": "fear",
    "fearful": "fear",
    "surprised": "surprise",
    "surprise": "surprise",
    "disgusted": "disgust",
    "disgust": "disgust",
}
_PREFIXES: Final = {word[:n]: name for word, name in _WORDS.items() for n in (2, 3)}
_LEFT_OUT: Final = ("", "none")
_FIELDS: Final = ("subject", "angle", "light")
_SEPARATORS: Final = re.compile(r"[_\-. !]+")
_CHILD: Final = (
    re.compile(r"[MF]\d{2,3}", re.IGNORECASE),
    re.compile(r"(?!(?:30|45|60|90)$)\d{2,3}"),  # a bare 30 is rather an angle
    re.compile(r"\d{2,3}"),
)


@dataclass(frozen=True, kw_only=True)
class Dartmouth:
    """Reads the Dartmouth Database of Children's Faces.

    Args:
        pattern: a regular expression with the named group ``expr`` and, where the names tell them,
            ``subject``, ``angle`` and ``light``; searched in each path below the root, whatever
            the case. Empty: names are taken apart as told above.
        codes: further codes of expressions and the class of each, or ``"content"``; ``""`` or
            ``"none"`` leaves a code out. They go before the words that are known anyway.
        content_as_happy: take ``content`` for happy.

    Raises:
        ConfigError: the pattern is no regular expression or has other groups; a code stands for no
            class.
    """

    pattern: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)
    content_as_happy: bool = False

    info: ClassVar[SourceInfo] = SourceInfo(
        name="dartmouth",
        title="Dartmouth Database of Children's Faces",
        licence="research use on request; pictures of children",
        commercial_use="no",
        url="https://doi.org/10.1371/journal.pone.0079131",
        citation="K. A. Dalrymple, J. Gomez, B. Duchaine. The Dartmouth Database of Children's "
        "Faces: acquisition and validation of a new face stimulus set. PLoS ONE 8(11), 2013.",
        access="Ask the authors by e-mail, as a researcher.",
        grammar="names or folders with an expression's word, such as F012_happy_30L.jpg (not "
        "verified); the options pattern and codes describe other ones",
        label_map={**_WORDS, "content": None, "pleased": None},
        verified=False,
    )

    def __post_init__(self) -> None:
        reading.pattern("pattern", self.pattern, "expr", _FIELDS)
        for code, word in self.codes.items():
            try:
                _own(word)
            except LabelError as error:
                raise ConfigError(f"codes: {code!r} has no class. {error}") from None

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every picture.

        Raises:
            DataError: ``root`` is missing, or fewer than half of its names tell an expression.
        """
        tree = Tree(root, self.info)
        if self.pattern:
            pattern = re.compile(self.pattern, re.IGNORECASE)
            for path, match in reading.matches(tree, pattern, whole=True):
                if match is None:
                    yield reading.unmatched(path)
                else:
                    yield self._read(tree, path, [match["expr"] or ""], match.groupdict())
            return
        found = [(path, *self._taken_apart(path)) for path in tree.pictures()]
        strays = [path for path, words, _ in found if not words]
        reading.check_half(len(found) - len(strays), len(found), self.info.grammar, strays)
        for path, words, child in found:
            if words:
                yield self._read(tree, path, words, {"subject": child})
            else:
                yield reading.unmatched(path)

    def _read(
        self, tree: Tree, path: str, codes: list[str], told: Mapping[str, str | None]
    ) -> Sample | Rejection:
        names = {self._class_of(code) for code in codes}
        if None in names:
            detail = f"the expression {codes[0]!r} is not known; the option codes can name it"
            return Rejection(path, "unknown_label", detail)
        if len(names) > 1:
            detail = f"its name tells several expressions: {', '.join(codes)}"
            return Rejection(path, "conflicting_labels", detail)
        label = names.pop()
        if label == _CONTENT:
            if not self.content_as_happy:
                return Rejection(path, "no_class", "content; content_as_happy = true takes it")
            label = "happy"
        if label in _LEFT_OUT:
            return Rejection(path, "no_class", f"the option codes leave {codes[0]!r} out")
        return reading.sample(
            tree,
            path,
            label=label,
            subject=told.get("subject") or None,
            pose=told.get("angle") or None,
            light=told.get("light") or None,
            age="6-16",
            ethnicity="Caucasian",
        )

    def _class_of(self, code: str) -> str | None:
        """Returns a code's class, ``content`` or a word that leaves it out; None if not known."""
        key = code.casefold()
        for own, word in self.codes.items():
            if own.casefold() == key:
                return _own(word)
        return _WORDS.get(key) or _PREFIXES.get(key)

    def _taken_apart(self, path: str) -> tuple[list[str], str | None]:
        """Returns the expressions that a path tells, and the child."""
        *folders, name = path.split("/")
        levels = [name.rpartition(".")[0], *reversed(folders)]
        parts = [[part for part in _SEPARATORS.split(level) if part] for level in levels]
        flat = [part for level in parts for part in level]
        child = next((p.upper() for kind in _CHILD for p in flat if kind.fullmatch(p)), None)
        own = {code.casefold() for code in self.codes}
        for level in parts:
            whole = [part for part in level if part.casefold() in own]
            words = [part.rstrip("0123456789").casefold() for part in level]
            # A whole word says more than its first letters, which may be a child's initials.
            for found in (
                whole + [word for word in words if word in _WORDS and word not in own],
                [word for word in words if word in _PREFIXES],
            ):
                if found:
                    return found, child
        return [], child


def _own(word: str) -> str:
    """Returns the class of a word in ``codes``, ``content``, or a word that leaves a code out."""
    key = word.strip().casefold()
    return key if key in (*_LEFT_OUT, _CONTENT) else labels.parse(word)
