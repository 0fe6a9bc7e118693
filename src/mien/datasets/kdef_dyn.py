"""KDEF-dyn (Calvo et al. 2018): clips of 40 people of KDEF, morphed from neutral to an expression.

How to get it: from the versions page of kdef.se. Layout: ``I. KDEF-dyn I/S4 Stimuli
(Video-clips)/<emotion>/<clip>.mp4``; the nearest folder whose name holds the word of an expression
tells the label. Some 240 clips of about a second, which PyAV (extra ``video``) decodes.

Each clip runs from the person's neutral picture to the expression, so its last frames are taken for
the expression and the first one for neutral. The frames between are computed by morphing software:
nobody ever made those faces. A frame's path is ``<clip>.mp4!/12``.

What the clips are called is **not verified**. Where a name holds the beginning of a name of KDEF
(``AF01ANS``), its person and gender are read from it; where not, no subject is known, and the clips
of one person may land on both sides of a split.

Traps. First and last frames are pictures of KDEF, in another size: do not train on one and test on
the other. All clips of a person open with the same face.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Final

from mien.core import reading, sequences
from mien.core.archives import INSIDE
from mien.core.tree import Tree, name_of
from mien.core.types import Rejection, Sample, SourceInfo

_CODES: Final[Mapping[str, str]] = {
    "Anger": "anger",
    "Disgust": "disgust",
    "Fear": "fear",
    "Happiness": "happy",
    "Sadness": "sadness",
    "Surprise": "surprise",
}
_WORDS: Final[Mapping[str, str]] = {
    "anger": "anger",
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "afraid": "fear",
    "happ": "happy",
    "sad": "sadness",
    "surpris": "surprise",
}
"""What the folders' names hold, in lower case, and the class of each."""
_PERSON: Final = re.compile(
    r"(?<![A-Za-z])[AB](?P<gender>[FM])(?P<id>\d{2})(?=AF|AN|DI|HA|NE|SA|SU|[^A-Za-z0-9]|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class KdefDyn:
    """Reads the clips of KDEF-dyn.

    Args:
        peak_frames: how many of the last frames of a clip show its expression: a number, or a share
            such as 0.2.
        neutral_frames: how many of the first frames show none; likewise.
        whole_sequences: keep the frames in between, too, without a label, so that `mien evaluate
            --sequences` sees how a face gets from one to the other.

    Raises:
        ConfigError: an option is something else.
    """

    peak_frames: int | float = 3
    neutral_frames: int | float = 1
    whole_sequences: bool = False

    info: ClassVar[SourceInfo] = SourceInfo(
        name="kdef-dyn",
        title="KDEF-dyn",
        licence="non-commercial research; no redistribution without written consent",
        commercial_use="no",
        url="https://kdef.se/home/versions",
        citation="M. G. Calvo, A. Fernandez-Martin, G. Recio, D. Lundqvist. Human observers and "
        "automated assessment of dynamic emotional facial expressions: KDEF-dyn database "
        "validation. Frontiers in Psychology 9, 2018.",
        access="Accept the terms of kdef.se as a researcher and download the clips.",
        grammar="<folder named after an expression>/<clip>.mp4, as in I. KDEF-dyn I/S4 Stimuli "
        "(Video-clips) (names not verified)",
        label_map=_CODES,
        verified=False,
    )

    def __post_init__(self) -> None:
        sequences.check_take("peak_frames", self.peak_frames)
        sequences.check_take("neutral_frames", self.neutral_frames)

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every frame of every clip.

        Raises:
            DataError: ``root`` holds no clip, or fewer than half of them lie in the folder of an
                expression.
            MissingExtraError: the extra ``video`` is not installed.
        """
        tree = Tree(root, self.info)
        found = [(path, _label(path)) for path in tree.videos()]
        strays = [path for path, label in found if label is None]
        reading.check_half(len(found) - len(strays), len(found), self.info.grammar, strays)
        for path, label in found:
            if label is None:
                yield Rejection(path, "no_class_folder", "no folder above it names one expression")
            else:
                yield from self._frames(tree, path, label)

    def _frames(self, tree: Tree, path: str, label: str) -> Iterator[Sample | Rejection]:
        clip = reading.clip(tree, path)
        if isinstance(clip, Rejection):
            yield clip
            return
        fields = _fields(path)
        roles = sequences.pick(len(clip.times), self.peak_frames, self.neutral_frames)
        for number, role in enumerate(roles):
            if role is None and not self.whole_sequences:
                place = reading.frame_path(path, number)
                yield Rejection(place, "not_selected", "between neutral and the peak")
            else:
                shown = {"neutral": "neutral", "peak": label}.get(role or "")
                yield reading.frame(tree, path, number, label=shown, **fields)


def _label(path: str) -> str | None:
    """Returns the class of the nearest folder whose name holds the word of exactly one."""
    for folder in reversed(path.rpartition(INSIDE)[2].split("/")[:-1]):
        words = {name for word, name in _WORDS.items() if word in folder.casefold()}
        if words:
            return words.pop() if len(words) == 1 else None
    return None


def _fields(path: str) -> dict[str, Any]:
    """Returns the sequence of a clip, and what its name says of the person."""
    sequence = PurePosixPath(path.rpartition(INSIDE)[2]).with_suffix("").as_posix()
    found = _PERSON.search(name_of(path))
    if found is None:
        return {"sequence": sequence}
    gender = found["gender"].upper()
    return {
        "sequence": sequence,
        "subject": f"{gender}{found['id']}",
        "gender": "female" if gender == "F" else "male",
        "age": "20-30",
    }
