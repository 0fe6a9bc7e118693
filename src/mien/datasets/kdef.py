"""KDEF (Lundqvist, Flykt, Oehman 1998): 70 posing adults, seven expressions from five angles.

How to get it: accept the terms on kdef.se and download ``KDEF_and_AKDEF.zip``. Layout:
``KDEF/AF01/AF01ANS.JPG`` (session, gender and number, expression, angle), 4,900 pictures; only the
names count, so flattened copies and doubled folders are read too.

Traps that are taken care of:

- Session A and B show the same 70 people: the subject is gender and number, never the session.
- Two pictures of KDEF and one of AKDEF bear wrong names; they are read by their right ones.
- Ten pictures, none of them frontal, are black. They are rejected by name, and so is every picture
  whose mean grey is below 10. For that the selected pictures are decoded, here alone.

AKDEF, the averaged faces in the same archive, is left out unless ``akdef = true``. Each is made of
all women or all men, so it shows nobody in particular (``subject`` is None) and yet everybody:
keep it out of every test part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from mien.core import images, reading
from mien.core.errors import ConfigError, ImageError
from mien.core.tree import Tree, picture
from mien.core.types import Rejection, Sample, SourceInfo

_NAME: Final = re.compile(
    r"^(?:(?P<session>[AB])?(?P<gender>[FM])(?(session)(?P<id>\d{2}))(?P<expr>AF|AN|DI|HA|NE|SA|SU)"
    r"(?P<angle>FL|HL|S|HR|FR)|(?P<misnamed>AF31V|AM31H|FAHR))\.\w+$",
    re.IGNORECASE,
)
_ERRATA: Final = {"AF31V": "AF31SAHL", "AM31H": "AM31SUHR", "FAHR": "FAFHR"}
_CODES: Final = {
    "AF": "fear",
    "AN": "anger",
    "DI": "disgust",
    "HA": "happy",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}
_POSES: Final = {
    "FL": "full-left",
    "HL": "half-left",
    "S": "frontal",
    "HR": "half-right",
    "FR": "full-right",
}
_SESSIONS: Final = ("A", "B")
_BLACK: Final = frozenset(
    "AF01SUFR AF10AFFR AF11NEHL AF20DIHL AM25DIFL AM34DIFR BF13NEHR BM21DIFL BM22DIHL "
    "BM24DIFL".split()
)
_DARKEST: Final = 10.0
"""Mean grey, 0 to 255; the black pictures have below 1, the darkest real ones above 50."""


@dataclass(frozen=True, kw_only=True)
class Kdef:
    """Reads KDEF, and AKDEF where asked for.

    Args:
        angles: the angles to take: FL and FR (full profiles), HL and HR (half), S (straight).
        sessions: the sessions to take, A and B.
        akdef: take the averaged faces too.

    Raises:
        ConfigError: an option is something else.
    """

    angles: tuple[str, ...] = ("S",)
    sessions: tuple[str, ...] = ("A", "B")
    akdef: bool = False

    info: ClassVar[SourceInfo] = SourceInfo(
        name="kdef",
        title="KDEF",
        licence="non-commercial research; no redistribution without written consent",
        commercial_use="no",
        url="https://kdef.se",
        citation="D. Lundqvist, A. Flykt, A. Oehman. The Karolinska Directed Emotional Faces - "
        "KDEF. Karolinska Institutet, 1998. ISBN 91-630-7164-9.",
        access="Accept the terms on kdef.se as a researcher and download the archive.",
        grammar="KDEF/AF01/AF01ANS.JPG: session (A B), gender and number, expression (AF AN DI HA "
        "NE SA SU), angle (FL HL S HR FR)",
        label_map=_CODES,
    )

    def __post_init__(self) -> None:
        _check("angles", self.angles, tuple(_POSES))
        _check("sessions", self.sessions, _SESSIONS)
        if not isinstance(self.akdef, bool):
            raise ConfigError(f"akdef is true or false; got {self.akdef!r}.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every picture.

        Raises:
            DataError: ``root`` is not KDEF.
        """
        tree = Tree(root, self.info)
        for path, match in reading.matches(tree, _NAME):
            found = match
            if match and match["misnamed"]:
                found = _NAME.match(_ERRATA[match["misnamed"].upper()] + ".jpg")
            yield reading.unmatched(path) if found is None else self._read(tree, path, found)

    def _read(self, tree: Tree, path: str, found: re.Match[str]) -> Sample | Rejection:
        session, gender, number, expression, angle = (
            (found[name] or "").upper() for name in ("session", "gender", "id", "expr", "angle")
        )
        if not session and not self.akdef:
            return Rejection(path, "not_selected", "an averaged face; akdef = true takes it")
        if angle not in self.angles:
            return Rejection(path, "not_selected", f"the angle {angle} is not among the angles")
        if session and session not in self.sessions:
            return Rejection(path, "not_selected", f"session {session} is not among the sessions")
        if f"{session}{gender}{number}{expression}{angle}" in _BLACK:
            return Rejection(path, "placeholder", "known to be a black picture")
        fields: dict[str, Any] = {
            "label": _CODES[expression],
            "subject": f"{gender}{number}" if session else None,
            "pose": _POSES[angle],
            "gender": "female" if gender == "F" else "male",
            "age": "20-30" if session else None,
        }
        return _without_black(tree, reading.sample(tree, path, **fields))


def _without_black(tree: Tree, found: Sample | Rejection) -> Sample | Rejection:
    """Returns what was read of a picture, or its rejection where it is black or damaged."""
    if isinstance(found, Rejection):
        return found
    try:
        grey = float(images.decode(picture(tree.root, found.path), name=found.path).mean())
    except ImageError as error:
        return Rejection(found.path, "unreadable", str(error), id=found.id)
    if grey < _DARKEST:
        return Rejection(found.path, "placeholder", f"black: its mean grey is {grey:.1f}", found.id)
    return found


def _check(name: str, chosen: object, known: tuple[str, ...]) -> None:
    """Checks an option that lists some of the known words."""
    listed = chosen if isinstance(chosen, list | tuple) else ()
    if not listed or any(word not in known for word in listed):
        raise ConfigError(f"{name} lists some of {', '.join(known)}; got {chosen!r}.")
