"""DMD (Ortega et al. 2020): 37 drivers filmed in a car and a simulator, while they are distracted.

How to get it: by the download forms of dmd.vicomtech.org. Layout:
``dmd/gA/1/s1/gA_1_s1_2019-03-08T09;31;15+01;00_rgb_face.mp4`` (group, driver, session, time,
stream, camera), and beside it ``..._rgb_ann_distraction.json`` in the OpenLABEL format. PyAV (extra
``video``) decodes; a frame's path is ``<video>.mp4!/12``.

There is no expression: the samples are unlabelled, for demonstrations and to see how often mien
finds a face and answers while somebody drives. Only the camera before the face is read, at a few
frames a second; the frames between are no entries. Some of the videos take gigabytes: keep them out
of archives, in which a video is read into memory.

What a driver does is no expression either, and `Sample` has no field for it. With
``sequences = "activity"`` it stands in ``sequence``, in place of the file's name, for tables that
count by it.

Traps. The annotation counts the frames of a mosaic of three cameras, which did not begin at the
same moment; by how much is not corrected, so the borders of an activity are as inexact as that. The
activities of sessions other than s1 were acted in a car that stood still or in a simulator (s4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from mien.core import reading
from mien.core.errors import ConfigError, DataError
from mien.core.tree import Tree, name_of
from mien.core.types import Rejection, Sample, SourceInfo

_NAME: Final = re.compile(
    r"^(?P<group>g[A-Z])_(?P<subject>\d+)_(?P<session>s\d)_(?P<time>.+?)_"
    r"(?P<stream>rgb|ir|depth)_(?P<view>face|body|hands|mosaic)\.\w+$",
    re.IGNORECASE,
)
_STREAMS: Final = {"rgb": None, "ir": "near infrared"}
"""The streams that show a face, and their light."""
_ACTIVITY: Final = "driver_actions/"
"""How the types of the annotated actions begin that say what the driver does."""


@dataclass(frozen=True, slots=True)
class _Span:
    first: int
    last: int
    activity: str


@dataclass(frozen=True, kw_only=True)
class Dmd:
    """Reads the face camera of DMD, unlabelled.

    Args:
        rate: frames a second to take, at most.
        streams: the streams to read, of ``rgb`` and ``ir`` (near infrared).
        sequences: what stands in ``sequence``: the ``file``, or the annotated ``activity``; with
            the latter, frames without one are left out.

    Raises:
        ConfigError: an option is something else.
    """

    rate: float = 1.0
    streams: Sequence[str] = ("rgb",)
    sequences: str = "file"

    info: ClassVar[SourceInfo] = SourceInfo(
        name="dmd",
        title="Driver Monitoring Dataset (DMD)",
        licence="CC BY-NC-ND 4.0",
        commercial_use="no",
        url="https://dmd.vicomtech.org",
        citation="J. D. Ortega, N. Kose, P. Canas, M.-A. Chao, A. Unnervik, M. Nieto, O. Otaegui, "
        "L. Salgado. DMD: a large-scale multi-modal driver monitoring dataset for attention and "
        "alertness analysis. ECCV Workshops 2020.",
        access="Fill in the download forms of the project's page.",
        grammar="gA/1/s1/gA_1_s1_2019-03-08T09;31;15+01;00_rgb_face.mp4: group, driver, session, "
        "time, stream (rgb ir depth), camera (face body hands mosaic)",
        audit_only=True,
    )

    def __post_init__(self) -> None:
        rate: Any = self.rate
        is_number = isinstance(rate, int | float) and not isinstance(rate, bool)
        if not is_number or not 0 < rate <= 1000:
            raise ConfigError(f"rate is a number of frames a second above 0; got {self.rate!r}.")
        words = () if isinstance(self.streams, str) else tuple(self.streams)
        if not words or any(word not in _STREAMS for word in words):
            raise ConfigError(f"streams lists some of rgb and ir; got {self.streams!r}.")
        if self.sequences not in ("file", "activity"):
            raise ConfigError(f"sequences is file or activity; got {self.sequences!r}.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields the chosen frames of every video of a face, and every other video.

        Raises:
            DataError: ``root`` is not DMD.
            MissingExtraError: the extra ``video`` is not installed.
        """
        tree = Tree(root, self.info)
        for path, found in reading.matches(tree, _NAME, paths=tree.videos()):
            if found is None:
                yield reading.unmatched(path)
            elif found["view"].lower() != "face":
                detail = f"the camera shows {found['view'].lower()}, not the face alone"
                yield Rejection(path, "not_selected", detail)
            elif found["stream"].lower() not in self.streams:
                detail = f"the stream {found['stream'].lower()} is not among the streams"
                yield Rejection(path, "not_selected", detail)
            else:
                yield from self._frames(tree, path, found)

    def _frames(self, tree: Tree, path: str, found: re.Match[str]) -> Iterator[Sample | Rejection]:
        clip = reading.clip(tree, path)
        if isinstance(clip, Rejection):
            yield clip
            return
        spans: list[_Span] = []
        if self.sequences == "activity":
            try:
                spans = _spans(tree, path)
            except DataError as error:
                yield Rejection(path, "no_annotation", str(error))
                return
        for number in clip.at_rate(self.rate):
            sequence: str | None = name_of(path).rpartition(".")[0]
            if self.sequences == "activity":
                sequence = _activity(spans, number)
            if sequence is None:
                place = reading.frame_path(path, number)
                yield Rejection(place, "no_activity", "no activity is annotated there")
                continue
            yield reading.frame(
                tree,
                path,
                number,
                subject=f"g{found['group'][1].upper()}_{int(found['subject'])}",
                sequence=sequence,
                light=_STREAMS[found["stream"].lower()],
            )


def _spans(tree: Tree, path: str) -> list[_Span]:
    """Returns what the driver of a video does, and when.

    Raises:
        DataError: the annotation is missing or of another form.
    """
    stem = name_of(path).casefold()
    for stream in _STREAMS:
        stem = stem.partition(f"_{stream}_face.")[0]
    wanted = f"{stem}_rgb_ann_distraction.json"
    beside = [
        place for place in tree.named(wanted) if place.rpartition("/")[0] == path.rpartition("/")[0]
    ]
    if not beside:
        raise DataError(f"{wanted}, its annotation, does not lie beside {path}.")
    try:
        actions: dict[str, Any] = json.loads(tree.text(beside[0]))["openlabel"]["actions"]
        return [
            _Span(int(span["frame_start"]), int(span["frame_end"]), action["type"])
            for action in actions.values()
            if str(action["type"]).startswith(_ACTIVITY)
            for span in action["frame_intervals"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"{beside[0]} is no annotation of DMD ({error!r}). Expected OpenLABEL with "
            "openlabel.actions.*.type and .frame_intervals."
        ) from error


def _activity(spans: list[_Span], number: int) -> str | None:
    """Returns what is done in a frame, without its level; None where nothing is annotated."""
    for span in spans:
        if span.first <= number <= span.last:
            return span.activity.removeprefix(_ACTIVITY)
    return None
