"""CK+ (Lucey et al. 2010): 593 posed sequences of 123 people, from neutral to the apex.

How to get it: sign the agreement at the address in `CkPlus.info`; name the folder that holds
``extended-cohn-kanade-images.zip`` and ``Emotion_labels.zip``, packed or unpacked, as the root.
Layout: ``cohn-kanade-images/S005/001/S005_001_00000011.png`` (person, sequence, frame) and
``Emotion/S005/001/S005_001_00000011_emotion.txt`` (one number; its name is that of the peak frame).
Either may stand in one more folder. FACS codes and landmarks are not read.

Traps. Only 327 sequences carry a label; the others are unlabelled, not neutral, and their folders
of labels are empty or missing. Not every sequence starts at frame 1, so the first frame is the one
with the lowest number. A person has several sequences, so the neutral frames of one person are
close to each other: split by person. The first edition (CK, 2000) has no emotion labels and is not
read.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, TypeAlias

from mien.core import reading, sequences
from mien.core.errors import ConfigError, DataError
from mien.core.tree import Tree, name_of
from mien.core.types import Rejection, Sample, SourceInfo

_NAME: Final = re.compile(
    r"^(?P<subject>S\d{3})_(?P<sequence>\d{3})_(?P<frame>\d{8})\.(png|jpe?g|tiff?|bmp)$",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(
    r"^(?P<subject>S\d{3})_(?P<sequence>\d{3})_(?P<frame>\d{8})_emotion\.txt$", re.IGNORECASE
)
_CODES: Final[Mapping[str, str]] = {
    "0": "neutral",
    "1": "anger",
    "2": "contempt",
    "3": "disgust",
    "4": "fear",
    "5": "happy",
    "6": "sadness",
    "7": "surprise",
}
_Found: TypeAlias = list[tuple[str, re.Match[str] | None]]
_Frames: TypeAlias = Mapping[str, list[tuple[int, str]]]


@dataclass(frozen=True, kw_only=True)
class CkPlus:
    """Reads CK+ as its owners hand it out.

    Args:
        peak_frames: how many of the last frames of a labelled sequence show its expression: a
            number, or a share such as 0.2.
        neutral_frames: how many of the first frames show none; likewise.
        neutral_from: take neutral frames from ``labelled`` sequences only, or from ``all``.
        whole_sequences: keep the frames in between, too, without a label, so that `mien evaluate
            --sequences` sees how a face gets from one to the other.

    Raises:
        ConfigError: an option is something else.
    """

    peak_frames: int | float = 3
    neutral_frames: int | float = 1
    neutral_from: str = "labelled"
    whole_sequences: bool = False

    info: ClassVar[SourceInfo] = SourceInfo(
        name="ckplus",
        title="CK+",
        licence="non-commercial research by signed agreement; no redistribution",
        commercial_use="no",
        url="https://sites.pitt.edu/~emotion/ck-spread.htm",
        citation="P. Lucey, J. F. Cohn, T. Kanade, J. Saragih, Z. Ambadar, I. Matthews. The "
        "extended Cohn-Kanade dataset (CK+): a complete dataset for action unit and "
        "emotion-specified expression. CVPR Workshops 2010.",
        access="A member of a faculty signs the agreement and sends it in.",
        grammar="cohn-kanade-images/S005/001/S005_001_00000011.png and "
        "Emotion/S005/001/S005_001_00000011_emotion.txt",
        label_map=_CODES,
    )

    def __post_init__(self) -> None:
        sequences.check_take("peak_frames", self.peak_frames)
        sequences.check_take("neutral_frames", self.neutral_frames)
        if self.neutral_from not in ("labelled", "all"):
            raise ConfigError(f"neutral_from is labelled or all; got {self.neutral_from!r}.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every frame, then each label whose peak frame is missing.

        Raises:
            DataError: ``root`` is not CK+, holds no label, or holds a sequence twice.
        """
        tree = Tree(root, self.info)
        found = reading.matches(tree, _NAME)
        frames = _frames(found)
        labels, strays = self._labels(tree, frames)
        taken = self._taken(frames, labels)
        for path, match in found:
            if match is None:
                yield reading.unmatched(path)
                continue
            role = taken[path]
            if isinstance(role, Rejection):
                yield role
                continue
            yield reading.sample(
                tree,
                path,
                label=role,
                subject=match["subject"].upper(),
                sequence=_sequence(match),
                frame=int(match["frame"]),
                pose="frontal",
            )
        yield from strays

    def _labels(
        self, tree: Tree, frames: _Frames
    ) -> tuple[dict[str, str | Rejection], list[Rejection]]:
        """Returns each labelled sequence's class or why it has none, and labels without a peak."""
        texts: dict[str, set[str]] = defaultdict(set)
        strays: list[Rejection] = []
        label_files = [(path, _LABEL.search(name_of(path))) for path in tree.paths]
        for path, match in label_files:
            if match is None:
                continue
            sequence, peak = _sequence(match), int(match["frame"])
            if peak in {number for number, _ in frames.get(sequence, [])}:
                texts[sequence].add(tree.text(path).strip())
            else:
                strays.append(Rejection(path, "no_file", "the frame that it labels is not here"))
        if not any(match for _, match in label_files):
            raise DataError(
                f"{self.info.title}: {tree.root} holds no label of an emotion. Expected "
                f"{self.info.grammar}: add Emotion_labels.zip, or unpack it there."
            )
        return {sequence: _class(sorted(values)) for sequence, values in texts.items()}, strays

    def _taken(
        self, frames: _Frames, labels: Mapping[str, str | Rejection]
    ) -> dict[str, str | Rejection | None]:
        """Returns the class of each frame (None between two classes), or why it is left out."""
        taken: dict[str, str | Rejection | None] = {}
        for sequence, rows in frames.items():
            label = labels.get(sequence)
            if isinstance(label, Rejection):
                for _, path in rows:
                    taken[path] = Rejection(path, label.reason, label.detail)
                continue
            neutral = self.neutral_frames if label or self.neutral_from == "all" else 0
            roles = sequences.pick(len(rows), self.peak_frames if label else 0, neutral)
            for (_, path), role in zip(rows, roles, strict=True):
                if role is None and label is None:
                    taken[path] = Rejection(path, "no_label", "its sequence has no label")
                elif role is None and self.whole_sequences:
                    taken[path] = None
                elif role is None:
                    taken[path] = Rejection(path, "not_selected", "between neutral and the peak")
                else:
                    taken[path] = "neutral" if role == "neutral" or label is None else label
        return taken


def _sequence(match: re.Match[str]) -> str:
    return f"{match['subject'].upper()}/{match['sequence']}"


def _frames(found: _Found) -> _Frames:
    """Returns the frames of each sequence in their order.

    Raises:
        DataError: a sequence lies in two folders, such as two copies or CK beside CK+; or a frame
            has two files.
    """
    folders: dict[str, str] = {}
    for path, match in found:
        if match is None:
            continue
        folder = path.rpartition("/")[0]
        known = folders.setdefault(_sequence(match), folder)
        if known != folder:
            raise DataError(
                f"The sequence {_sequence(match)} lies in both {known or 'the root'} and "
                f"{folder or 'the root'}. Keep one copy of the pictures, and neither those of the "
                "first edition (CK) nor crops beside them."
            )
    frames = sequences.in_order(
        (_sequence(match), int(match["frame"]), path) for path, match in found if match
    )
    for rows in frames.values():
        for (number, path), (following, other) in itertools.pairwise(rows):
            if number == following:
                raise DataError(f"{path} and {other} are the same frame. Keep one of them.")
    return frames


def _class(texts: list[str]) -> str | Rejection:
    """Returns the class that the label files of one sequence state, or why they state none."""
    names: set[str] = set()
    for text in texts:
        try:
            code = float(text.split()[0])
            names.add(_CODES[f"{code:g}"])
        except (IndexError, ValueError, KeyError):
            return Rejection("", "unknown_label", f"its label reads {text[:40]!r}, not 0 to 7")
    if len(names) > 1:
        return Rejection("", "conflicting_labels", f"labelled {' and '.join(sorted(names))}")
    return names.pop()
