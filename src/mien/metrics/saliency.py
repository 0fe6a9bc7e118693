"""Maps of many faces to the mean map of each class, and the page that tells them in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mien.core.catalogue import polars_or_error
from mien.core.errors import ModelError
from mien.core.facial_parts import PARTS, areas, shares
from mien.core.labels import CLASSES, titled
from mien.core.spec import Preprocess
from mien.core.types import Floats

if TYPE_CHECKING:
    import polars

Numbers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

NAMES: Final = {"occlusion": "occlusion", "gradcam": "Grad-CAM"}
HOW: Final = {
    "occlusion": (
        "A patch of the face's own mean colour hides one place after the other. A place counts by "
        "how much the log-odds of the class fall while it is hidden (Zeiler and Fergus 2014)."
    ),
    "gradcam": (
        "The maps of the last convolutional block are weighed by the gradient of the class's score "
        "and summed (Grad-CAM, Selvaraju et al. 2017)."
    ),
}
_LIMITS: Final = {
    "occlusion": (
        "- A patch hides parts of the neighbours too, so the borders between parts are soft.\n"
        "- Where two places each suffice, hiding one of them costs little, and both look "
        "unimportant.\n"
        "- A face with a grey patch is none that the network has learned from; some of what is "
        "seen is its answer to the patch itself.\n"
    ),
    "gradcam": (
        "- The block's maps are coarse, a few cells across the face, so the borders between parts "
        "are soft.\n"
        "- Each cell sees a large part of the face, so what it says need not come from the place "
        "where it lies.\n"
        "- What speaks against a class is not shown.\n"
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """The mean map of one class.

    Attributes:
        name: the class.
        n: how many faces it is the mean of.
        empty: how many further faces have a map without anything above 0.
        mean: (size, size) float32, 0 or more, summing to 1; all 0 where there is no face.
        parts: (8,) the share of it on each of `core.facial_parts.PARTS`; NaN where there is none.
    """

    name: str
    n: int
    empty: int
    mean: Floats
    parts: Doubles

    def stressed(self, preprocess: Preprocess, k: int = 3) -> str:
        """Returns the parts with the largest shares for their areas, such as ``mouth x2.9``."""
        if not self.n:
            return "no face"
        times = self.parts / areas(preprocess)
        order = np.argsort(-times, kind="stable")[:k]
        return ", ".join(f"{PARTS[i]} x{times[i]:.1f}" for i in order)


class ClassMaps:
    """Gathers maps by class; each face weighs the same, however strong its map is.

    Args:
        preprocess: the network's input.
    """

    def __init__(self, preprocess: Preprocess) -> None:
        self._preprocess = preprocess
        size = preprocess.input_size
        self._sums = np.zeros((len(CLASSES), size, size))
        self._counts = np.zeros(len(CLASSES), np.int64)
        self._empty = np.zeros(len(CLASSES), np.int64)

    def add(self, classes: Numbers, maps: Floats) -> Doubles:
        """Adds some faces and returns each one's shares by part, (n, 8); zeros where it is empty.

        Args:
            classes: (n,) the numbers of the classes that the maps explain.
            maps: (n, size, size) any numbers; what is below 0 speaks against and is left out.

        Raises:
            ModelError: a map holds NaN or infinity.
        """
        if not np.isfinite(maps).all():
            raise ModelError(
                "The network gives NaN or infinity for some faces. Train or export it again."
            )
        shown = np.maximum(maps, 0).astype(np.float64)
        total = shown.sum(axis=(1, 2))
        filled = total > 0
        scaled = shown[filled] / total[filled, None, None]
        np.add.at(self._sums, classes[filled], scaled)
        self._counts += np.bincount(classes[filled], minlength=len(CLASSES))
        self._empty += np.bincount(classes[~filled], minlength=len(CLASSES))
        return shares(shown, self._preprocess)

    def means(self) -> list[ClassMap]:
        """Returns the mean map of each of the seven classes, in their order."""
        found = []
        for number, name in enumerate(CLASSES):
            n = int(self._counts[number])
            mean = (self._sums[number] / max(n, 1)).astype(np.float32)
            parts = shares(mean[None], self._preprocess)[0] if n else np.full(len(PARTS), np.nan)
            found.append(ClassMap(name, n, int(self._empty[number]), mean, parts))
        return found


def map_table(found: Sequence[ClassMap]) -> polars.DataFrame:
    """Returns the mean maps as a table: class, n, empty, map (size x size)."""
    pl = polars_or_error("Explaining a model")
    columns = {
        "class": [one.name for one in found],
        "n": [one.n for one in found],
        "empty": [one.empty for one in found],
    }
    maps = np.stack([one.mean for one in found])
    kind = pl.Array(pl.Float32, maps.shape[1:])
    return pl.DataFrame(columns).with_columns(  # type: ignore[no-any-return]  # a late import
        pl.Series("map", maps, kind)
    )


def part_table(found: Sequence[ClassMap], preprocess: Preprocess) -> polars.DataFrame:
    """Returns class x facial part as a table: class, n, part, share (null: no face), area."""
    pl = polars_or_error("Explaining a model")
    takes = areas(preprocess)
    rows = [
        (one.name, one.n, part, float(one.parts[k]) if one.n else None, float(takes[k]))
        for one in found
        for k, part in enumerate(PARTS)
    ]
    kinds = {"class": pl.String, "n": pl.Int64, "part": pl.String}
    kinds |= dict.fromkeys(("share", "area"), pl.Float64)
    return pl.DataFrame(rows, kinds, orient="row")  # type: ignore[no-any-return]


def table(found: Sequence[ClassMap], preprocess: Preprocess) -> str:
    """Returns class x facial part in per cent as Markdown, with the parts' areas below."""
    lines = [
        f"| class | faces | {' | '.join(PARTS)} | most for their area |",
        f"|---{'|---:' * (1 + len(PARTS))}|---|",
    ]
    for one in found:
        cells = [f"{share:.0%}" if one.n else "-" for share in one.parts]
        most = one.stressed(preprocess)
        lines.append(f"| {titled(one.name)} | {one.n:,} | {' | '.join(cells)} | {most} |")
    cells = [f"{share:.0%}" for share in areas(preprocess)]
    lines.append(f"| area | | {' | '.join(cells)} | |")
    return "\n".join(lines)


def page(title: str, chosen: str, found: Sequence[ClassMap], how: str, pre: Preprocess) -> str:
    """Returns the page of an explanation.

    Args:
        title: the model and the method.
        chosen: which faces were drawn, and which class is explained.
        found: the mean maps.
        how: the method, a key of `HOW`.
        pre: the network's input.
    """
    empty = sum(one.empty for one in found)
    left = f" Left out: {empty:,} faces whose map holds nothing above 0." if empty else ""
    framing = ""
    if pre.aligner != "five-point":
        framing = (
            f"- The faces were cut by the aligner '{pre.aligner}', which does not bring the "
            "landmarks to fixed places: the parts lie only roughly where they are drawn.\n"
        )
    return (
        f"# {title}\n\n{HOW[how]} {chosen}{left}\n\n"
        "Share of what speaks for the class, by facial part; each face weighs the same, and a row "
        "sums to 100 %. The last row is how much of the picture a part takes: a map without any "
        "preference would have these shares.\n\n"
        f"{table(found, pre)}\n\n"
        f"The parts, drawn once for all faces: {', '.join(PARTS)}. Brows hold the skin between "
        "them, cheeks reach from the eyes to the jaw, outside is hair, neck and background. In the "
        "picture each class has its own scale: the darkest place is its own largest.\n\n"
        "## What such a map can tell, and what it cannot\n\n"
        "- It shows where this network takes its evidence from. It does not show where in a face "
        "an expression is, nor that the answer is right.\n"
        "- It tells where, not what: a smile and a missing smile are both found at the mouth.\n"
        "- A large share outside the face is a warning: hair, background or framing may give the "
        "class away.\n"
        f"{_LIMITS[how]}"
        "- The parts are drawn around mean landmarks, not around each face's own.\n"
        "- A mean hides how much faces differ; classes with few faces have unsteady means.\n"
        f"{framing}"
    )
