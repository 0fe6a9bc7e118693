"""AFEW (Dhall et al. 2012): short clips of films, seven classes, as frames of aligned faces.

How to get it: sign the agreement at the address in `Afew.info`. Layout:
``Train_AFEW/Angry/000247920.avi`` (the folder is the clip's class) and
``Train_AFEW/AlignedFaces_LBPTOP_Points/Faces/000247920/*.jpg`` (its frames); likewise ``Val_AFEW``
with ``AlignedFaces_LBPTOP_Points_Val``. Folders may be doubled, as unpacking leaves them. The
clips themselves are not decoded, but their files have to be there: they alone tell the class.

Every frame of a clip carries the clip's label. Clips do not run from neutral to an apex, so
``peak_frames`` below 1.0 takes frames from the middle. The labels of the test part are not public:
its frames stay, unlabelled, for their ``split``.

AFEW names no person here, and no film. So that a clip stays on one side of a split, its part and
number stand in ``subject`` as well as in ``sequence``. The published parts share no film: keep to
them.

Traps. Some clips have no aligned frames. The same number may stand for different clips in
different parts. The films are those of SFEW: do not train on one and test on the other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final, NamedTuple

from mien.core import reading, sequences
from mien.core.errors import DataError, LabelError
from mien.core.tree import Tree, suffix
from mien.core.types import Rejection, Sample, SourceInfo

_PATH: Final = re.compile(
    r"(?:^|/)Faces/(?P<clip>\d[\w-]*)/[^/]*?(?P<frame>\d+)\.(jpe?g|png)$", re.IGNORECASE
)
_PART: Final = re.compile(
    r"^(?P<first>train|val|valid|test)(?![a-z])|_(?P<last>train|val|valid|test)(?=[.!]|$)",
    re.IGNORECASE,
)
_VIDEOS: Final = frozenset({".avi", ".mp4"})
_CODES: Final[Mapping[str, str]] = {
    "Angry": "anger",
    "Disgust": "disgust",
    "Fear": "fear",
    "Happy": "happy",
    "Neutral": "neutral",
    "Sad": "sadness",
    "Surprise": "surprise",
}


class _Video(NamedTuple):
    path: str
    part: str | None
    label: str | None


@dataclass(frozen=True, kw_only=True)
class Afew:
    """Reads the aligned frames of AFEW.

    Args:
        peak_frames: how many frames in the middle of a clip to take: a number, or a share; 1.0
            takes them all.

    Raises:
        ConfigError: ``peak_frames`` is something else.
    """

    peak_frames: int | float = 1.0

    info: ClassVar[SourceInfo] = SourceInfo(
        name="afew",
        title="AFEW",
        licence="research by signed agreement; no redistribution",
        commercial_use="no",
        url="https://cs.anu.edu.au/few/AFEW.html",
        citation="A. Dhall, R. Goecke, S. Lucey, T. Gedeon. Collecting large, richly annotated "
        "facial-expression databases from movies. IEEE MultiMedia 19(3), 2012.",
        access="Sign the agreement and send it to the authors.",
        grammar="Train_AFEW/<Angry Disgust Fear Happy Neutral Sad Surprise>/000247920.avi and "
        "Train_AFEW/AlignedFaces_LBPTOP_Points/Faces/000247920/*.jpg",
        label_map=_CODES,
    )

    def __post_init__(self) -> None:
        sequences.check_take("peak_frames", self.peak_frames)

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every frame, then every clip without frames.

        Raises:
            DataError: ``root`` is not AFEW, holds no clip that could tell a class, or holds a frame
                twice.
        """
        tree = Tree(root, self.info)
        found = reading.matches(tree, _PATH, whole=True)
        videos = _videos(tree)
        taken = self._taken([(path, match) for path, match in found if match])
        framed: set[str] = set()
        for path, match in found:
            if match is None:
                yield reading.unmatched(path)
                continue
            part = _part(path)
            clips = videos.get(match["clip"].casefold(), [])
            own = [video for video in clips if _meet(video.part, part)]
            framed.update(video.path for video in own)
            fault = _fault(path, part, own)
            if fault is not None:
                yield fault
            elif path not in taken:
                yield Rejection(path, "not_selected", "not in the middle of its clip")
            else:
                label, stated = (own[0].label, own[0].part) if own else (None, None)
                yield _sample(tree, path, match, label, part or stated)
        for video in sorted(v for several in videos.values() for v in several):
            if video.path not in framed:
                yield Rejection(video.path, "no_file", "no aligned frames of this clip are here")

    def _taken(self, found: list[tuple[str, re.Match[str]]]) -> set[str]:
        """Returns the frames that ``peak_frames`` takes.

        Raises:
            DataError: a frame is there twice.
        """
        frames = sequences.in_order(
            ((_part(path), match["clip"].casefold()), int(match["frame"]), path)
            for path, match in found
        )
        taken: set[str] = set()
        for rows in frames.values():
            seen: dict[int, str] = {}
            for number, path in rows:
                if seen.setdefault(number, path) != path:
                    raise DataError(
                        f"{seen[number]} and {path} are the same frame. Keep one copy of them."
                    )
            middle = sequences.middle(len(rows), self.peak_frames)
            taken.update(rows[place][1] for place in middle)
        return taken


def _videos(tree: Tree) -> dict[str, list[_Video]]:
    """Returns the clips of each number.

    Raises:
        DataError: there is none.
    """
    videos: dict[str, list[_Video]] = defaultdict(list)
    for path in tree.paths:
        if suffix(path) in _VIDEOS:
            stem = PurePosixPath(path).stem.casefold()
            videos[stem].append(_Video(path, _part(path), _class(path)))
    if not videos:
        raise DataError(
            f"{tree.info.title}: {tree.root} holds frames but no clip (.avi), whose folder would "
            f"tell their class. Expected {tree.info.grammar}."
        )
    return videos


def _fault(path: str, part: str | None, own: list[_Video]) -> Rejection | None:
    """Returns why a frame has no label that could be used, or None."""
    parts = {part or video.part for video in own} or {part}
    classes = sorted({video.label or "no class" for video in own})
    if len(parts) > 1:
        return Rejection(path, "ambiguous_name", "several parts have a clip of its number")
    if len(classes) > 1:
        return Rejection(path, "conflicting_labels", f"its clip lies in {' and '.join(classes)}")
    if "test" in parts:
        return None
    if not own:
        return Rejection(path, "no_label", "no clip of its number lies in a class folder")
    if own[0].label is None:
        return Rejection(path, "no_class_folder", f"{own[0].path} lies in no class folder")
    return None


def _meet(one: str | None, other: str | None) -> bool:
    """Tells whether two parts may be the same: a root that is one part does not name it."""
    return one is None or other is None or one == other


def _sample(
    tree: Tree, path: str, match: re.Match[str], label: str | None, part: str | None
) -> Sample | Rejection:
    clip = f"{part}/{match['clip']}" if part else match["clip"]
    return reading.sample(
        tree,
        path,
        label=label,
        split=part,
        subject=clip,
        sequence=clip,
        frame=int(match["frame"]),
    )


def _class(path: str) -> str | None:
    """Returns the class that the folder around a clip names."""
    try:
        return reading.label_of(path.split("/")[-2], _CODES)
    except (IndexError, LabelError):
        return None


def _part(path: str) -> str | None:
    """Returns the part that the nearest folder or archive of a known name stands for."""
    for folder in reversed(path.split("/")[:-1]):
        if match := _PART.search(folder):
            return reading.split_name(match["first"] or match["last"])
    return None
