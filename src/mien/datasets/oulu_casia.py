"""Oulu-CASIA NIR&VIS (Zhao et al. 2011): 80 people, six expressions, three lights, two cameras.

How to get it: sign the agreement at the address in `OuluCasia.info`; name the folder that holds
``B_OriginalImg.zip`` or ``C_PreprocessImg.zip``, packed or unpacked, as the root. Layout:
``OriginalImg/VL/Strong/P001/Anger/000.jpeg`` (camera, light, person, expression, frame). VL is
visible light, NI near infrared; the folders above the camera may have any name. Set A, the videos,
is not read.

Each sequence runs from neutral to the apex; there is no neutral folder. The last frames are taken
for the expression, the first for neutral.

Traps. Sets B and C show the same frames, whole and cropped: only one of them may count. One
person's neutral face opens up to 36 sequences, so these frames are near duplicates:
``one_neutral_per_condition`` keeps one a person, camera and light. Visible frames in the dark are
nearly black. A person may lack an expression, and cameras may differ in their number of frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, TypeAlias

from mien.core import reading, sequences
from mien.core.errors import ConfigError, DataError
from mien.core.tree import Tree
from mien.core.types import Rejection, Sample, SourceInfo

_PATH: Final = re.compile(
    r"(?:^|/)(?P<spectrum>NIR?|VL|VIS)/(?P<light>Dark|Strong|Weak|Normal)/(?P<subject>P\d{3})/"
    r"(?P<emotion>Anger|Disgust|Fear|Happiness|Sadness|Surprise)/(?P<frame>\d{1,4})\.jpe?g$",
    re.IGNORECASE,
)
_CODES: Final[Mapping[str, str]] = {
    "Anger": "anger",
    "Disgust": "disgust",
    "Fear": "fear",
    "Happiness": "happy",
    "Sadness": "sadness",
    "Surprise": "surprise",
}
_SPECTRA: Final[Mapping[str, str]] = {"vl": "VL", "vis": "VL", "ni": "NI", "nir": "NI"}
_LIGHTS: Final[Mapping[str, str]] = {
    "dark": "dark",
    "strong": "strong",
    "normal": "strong",
    "weak": "weak",
}
_KINDS: Final = {
    "preprocessed": re.compile(r"pre[\s_-]?process", re.IGNORECASE),
    "original": re.compile(r"original", re.IGNORECASE),
}
_Key: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class OuluCasia:
    """Reads sets B and C of Oulu-CASIA NIR&VIS.

    Args:
        spectrum: the camera: ``VL`` (visible light), ``NI`` (near infrared) or ``both``.
        lights: the lights: some of ``Dark``, ``Strong`` (also called ``Normal``) and ``Weak``.
        peak_frames: how many of the last frames of a sequence show its expression: a number, or a
            share such as 0.2.
        neutral_frames: how many of the first frames show none; likewise.
        one_neutral_per_condition: of all neutral frames of one person, camera and light, keep only
            the first.
        images: ``original`` (set B), ``preprocessed`` (set C), or ``any`` where only one of them
            is there.
        whole_sequences: keep the frames in between, too, without a label, so that `mien evaluate
            --sequences` sees how a face gets from one to the other.

    Raises:
        ConfigError: an option is something else.
    """

    spectrum: str = "VL"
    lights: Sequence[str] = ("Strong",)
    peak_frames: int | float = 3
    neutral_frames: int | float = 1
    one_neutral_per_condition: bool = False
    images: str = "any"
    whole_sequences: bool = False

    info: ClassVar[SourceInfo] = SourceInfo(
        name="oulu-casia",
        title="Oulu-CASIA NIR&VIS",
        licence="academic research by signed agreement; no redistribution",
        commercial_use="no",
        url="https://www.oulu.fi/cmvs/node/41316",
        citation="G. Zhao, X. Huang, M. Taini, S. Z. Li, M. Pietikainen. Facial expression "
        "recognition from near-infrared videos. Image and Vision Computing 29(9), 2011.",
        access="Sign the agreement and send it to the University of Oulu.",
        grammar="{VL,NI}/{Dark,Strong,Weak}/P001/{Anger,Disgust,Fear,Happiness,Sadness,Surprise}/"
        "000.jpeg, in OriginalImg or PreProcess Img; the root lies above VL and NI",
        label_map=_CODES,
    )

    def __post_init__(self) -> None:
        sequences.check_take("peak_frames", self.peak_frames)
        sequences.check_take("neutral_frames", self.neutral_frames)
        if self.spectrum not in ("VL", "NI", "both"):
            raise ConfigError(f"spectrum is VL, NI or both; got {self.spectrum!r}.")
        words = list(self.lights)
        if isinstance(self.lights, str) or not words or any(_light(word) is None for word in words):
            raise ConfigError(f"lights lists some of Dark, Strong and Weak; got {self.lights!r}.")
        if self.images not in ("any", *_KINDS):
            raise ConfigError(f"images is original, preprocessed or any; got {self.images!r}.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every frame.

        Raises:
            DataError: ``root`` is not Oulu-CASIA, holds no pictures of the chosen set, or holds a
                frame twice, as where both sets are there and ``images`` chooses none.
        """
        tree = Tree(root, self.info)
        found = reading.matches(tree, _PATH, whole=True)
        roles = self._roles(tree, [(path, match) for path, match in found if match])
        opened: set[tuple[str, str, str]] = set()
        for path, match in found:
            if match is None:
                yield reading.unmatched(path)
                continue
            role, key = roles.get(path), _key(match)
            condition = key[:3]
            if path not in roles:
                yield Rejection(path, "not_selected", self._why(path, key))
            elif self.one_neutral_per_condition and role == "neutral" and condition in opened:
                detail = "another neutral frame of this person, camera and light is taken"
                yield Rejection(path, "not_selected", detail)
            else:
                item = _sample(tree, path, match, role)
                if role == "neutral" and isinstance(item, Sample):
                    opened.add(condition)
                yield item

    def _roles(self, tree: Tree, found: list[tuple[str, re.Match[str]]]) -> dict[str, str | None]:
        """Returns the class of each frame that is taken; None between two classes."""
        kept = [(path, match) for path, match in found if self._of_kind(path)]
        if not kept:
            raise DataError(
                f"{tree.root} holds no pictures of the set that images = {self.images!r} chooses "
                f'(its folder tells the set). Take images = "any", or add the set. Expected '
                f"{self.info.grammar}."
            )
        frames = sequences.in_order(
            (_key(match), int(match["frame"]), path) for path, match in kept
        )
        labels = {_key(match): reading.label_of(match["emotion"], _CODES) for _, match in kept}
        roles: dict[str, str | None] = {}
        for key, rows in frames.items():
            self._check_once(rows)
            if not self._chosen(key):
                continue
            picked = sequences.pick(len(rows), self.peak_frames, self.neutral_frames)
            for (_, path), role in zip(rows, picked, strict=True):
                if role is not None:
                    roles[path] = "neutral" if role == "neutral" else labels[key]
                elif self.whole_sequences:
                    roles[path] = None
        return roles

    def _check_once(self, rows: list[tuple[int, str]]) -> None:
        seen: dict[int, str] = {}
        for number, path in rows:
            if number in seen:
                hint = 'Keep one copy, or choose images = "original" or "preprocessed".'
                raise DataError(f"{seen[number]} and {path} show the same frame. {hint}")
            seen[number] = path

    def _of_kind(self, path: str) -> bool:
        return self.images in ("any", _kind(path))

    def _chosen(self, key: _Key) -> bool:
        _, spectrum, light, _ = key
        lights = {_light(word) for word in self.lights}
        return self.spectrum in ("both", spectrum) and light in lights

    def _why(self, path: str, key: _Key) -> str:
        if not self._of_kind(path):
            return f"images = {self.images!r} leaves it out"
        if not self._chosen(key):
            return f"the options leave out {key[2]} {key[1]}"
        return "between neutral and the peak"


def _light(word: str) -> str | None:
    return _LIGHTS.get(word.strip().casefold())


def _kind(path: str) -> str | None:
    """Returns which set the nearest folder or archive that tells it names."""
    for folder in reversed(path.split("/")[:-1]):
        for kind, pattern in _KINDS.items():
            if pattern.search(folder):
                return kind
    return None


def _key(match: re.Match[str]) -> _Key:
    """Returns a frame's person, camera, light and expression."""
    return (
        match["subject"].upper(),
        _SPECTRA[match["spectrum"].casefold()],
        _LIGHTS[match["light"].casefold()],
        match["emotion"].capitalize(),
    )


def _sample(tree: Tree, path: str, match: re.Match[str], label: str | None) -> Sample | Rejection:
    subject, spectrum, light, emotion = _key(match)
    return reading.sample(
        tree,
        path,
        label=label,
        subject=subject,
        sequence=f"{subject}/{spectrum}/{light}/{emotion}",
        frame=int(match["frame"]),
        light=f"{light} {spectrum}",
    )
