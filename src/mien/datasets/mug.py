"""MUG (Aifanti et al. 2010): posed sequences of 52 people, seven classes, in colour.

How to get it: ask by e-mail for the agreement, at the address in `Mug.info`. Layout:
``subjects3/001/anger/take000/img_0000.jpg`` (person, expression, take, frame); a person's folder
may hold ``session1`` and so on first. What the folders of takes are called is not verified: any
name is read.

Each sequence starts neutral, rises to the apex and falls back to neutral. So the *middle* frames
are taken for the expression, and the first ones for neutral. Of sequences in the folder
``neutral`` the middle frames are taken too.

Trap: the last frames are neutral again, never the peak. Neutral frames of one person are close to
each other: split by person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from mien.core import reading, sequences
from mien.core.errors import ConfigError, DataError
from mien.core.tree import Tree
from mien.core.types import Rejection, Sample, SourceInfo

_PATH: Final = re.compile(
    r"(?:^|/)(?P<subject>\d{3})/(?:(?P<session>session[^/]*)/)?"
    r"(?P<expr>anger|disgust|fear|happiness|neutral|sadness|surprise)/(?:(?P<take>[^/]+)/)?"
    r"[^/]*?(?P<frame>\d+)\.jpe?g$",
    re.IGNORECASE,
)
_CODES: Final[Mapping[str, str]] = {
    "anger": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happiness": "happy",
    "neutral": "neutral",
    "sadness": "sadness",
    "surprise": "surprise",
}
SUBJECTS: Final = frozenset(
    (
        "001 002 006 007 008 010 013 014 017 020 021 027 028 030 031 032 033 034 036 037 038 039 "
        "040 042 043 044 045 046 048 049 052 055 060 061 062 063 064 065 066 070 071 072 073 074 "
        "075 076 077 078 079 082 083 084"
    ).split()
)
"""The 52 people whose pictures are handed out."""


@dataclass(frozen=True, kw_only=True)
class Mug:
    """Reads MUG.

    Args:
        peak_frames: how many frames in the middle of a sequence show its expression: a number, or a
            share such as 0.2.
        neutral_frames: how many of the first frames of an expression show none; likewise.
        subjects: ``any``, or ``listed`` to leave out people beyond the 52 that are known.
        whole_sequences: keep the frames in between, too, without a label, so that `mien evaluate
            --sequences` sees how a face gets from one to the other.

    Raises:
        ConfigError: an option is something else.
    """

    peak_frames: int | float = 3
    neutral_frames: int | float = 1
    subjects: str = "any"
    whole_sequences: bool = False

    info: ClassVar[SourceInfo] = SourceInfo(
        name="mug",
        title="MUG",
        licence="research by signed agreement; no redistribution",
        commercial_use="no",
        url="https://mug.ee.auth.gr/fed",
        citation="N. Aifanti, C. Papachristou, A. Delopoulos. The MUG facial expression database. "
        "WIAMIS 2010.",
        access="Ask for the agreement by e-mail.",
        grammar="001/<anger disgust fear happiness neutral sadness surprise>/take000/img_0000.jpg, "
        "with or without session folders",
        label_map=_CODES,
    )

    def __post_init__(self) -> None:
        sequences.check_take("peak_frames", self.peak_frames)
        sequences.check_take("neutral_frames", self.neutral_frames)
        if self.subjects not in ("any", "listed"):
            raise ConfigError(f"subjects is any or listed; got {self.subjects!r}.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every frame.

        Raises:
            DataError: ``root`` is not MUG, or holds a frame twice.
        """
        tree = Tree(root, self.info)
        found = reading.matches(tree, _PATH, whole=True)
        labels = self._labels([(path, match) for path, match in found if match])
        for path, match in found:
            if match is None:
                yield reading.unmatched(path)
            elif self.subjects == "listed" and match["subject"] not in SUBJECTS:
                yield Rejection(path, "not_listed", f"person {match['subject']} is not of the 52")
            elif path not in labels and not self.whole_sequences:
                yield Rejection(path, "not_selected", "neither first nor in the middle")
            else:
                yield reading.sample(
                    tree,
                    path,
                    label=labels.get(path),
                    subject=match["subject"],
                    sequence=_sequence(match),
                    frame=int(match["frame"]),
                )

    def _labels(self, found: list[tuple[str, re.Match[str]]]) -> dict[str, str]:
        """Returns the class of each frame that is taken."""
        frames = sequences.in_order((_sequence(m), int(m["frame"]), path) for path, m in found)
        classes = {_sequence(m): reading.label_of(m["expr"], _CODES) for _, m in found}
        labels: dict[str, str] = {}
        for sequence, rows in frames.items():
            _check_once(rows)
            peak = sequences.middle(len(rows), self.peak_frames)
            label = classes[sequence]
            first = 0 if label == "neutral" else sequences.how_many(self.neutral_frames, len(rows))
            for place, (_, path) in enumerate(rows):
                if place in peak:
                    labels[path] = label
                elif place < first:
                    labels[path] = "neutral"
        return labels


def _sequence(match: re.Match[str]) -> str:
    parts = (match["subject"], match["session"], match["expr"].lower(), match["take"])
    return "/".join(part for part in parts if part)


def _check_once(rows: list[tuple[int, str]]) -> None:
    seen: dict[int, str] = {}
    for number, path in rows:
        if number in seen:
            raise DataError(f"{seen[number]} and {path} are the same frame. Keep one copy.")
        seen[number] = path
