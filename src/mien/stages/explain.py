"""`explain`: model + faces + split -> where in the face each class is found, on average."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mien.core import catalogue as tables
from mien.core import shares
from mien.core.artifact import StageFolder, atomic, read_meta
from mien.core.catalogue import KEY, ROLE_COLUMNS, ROLES
from mien.core.config import StageConfig
from mien.core.errors import ConfigError, DataError, MissingExtraError, ModelError
from mien.core.facial_parts import PARTS, outlines, part_map
from mien.core.framing import check_framing
from mien.core.labels import CLASSES, titled
from mien.core.spec import ModelSpec, Prior
from mien.core.types import Floats
from mien.metrics.saliency import NAMES, ClassMaps, map_table, page, part_table
from mien.plots.figure import new_figure
from mien.plots.saliency import Panel, class_maps
from mien.runtimes.model import WEIGHTS, Model, find
from mien.runtimes.occlusion_map import PATCH, STRIDE, occlusion_map
from mien.runtimes.stored_inputs import stored_inputs

if TYPE_CHECKING:
    import polars

    Stream = Iterator[tuple[polars.DataFrame, Floats]]

Method = Literal["auto", "occlusion", "gradcam"]
Role = Literal["train", "dev", "test", "unseen"]

MAPS: Final = "saliency.parquet"
TABLE: Final = "parts.parquet"
FACES: Final = "explained.parquet"
PAGE: Final = "explain.md"
PICTURE: Final = "saliency.png"
TRAINED: Final = "weights.safetensors"
_FINE: Final = 4
"""Maps of fewer cells a side do not tell the parts of a face apart."""


class ExplainConfig(StageConfig):
    """The settings of `explain`.

    Attributes:
        method: ``occlusion``, ``gradcam``, or ``auto``: Grad-CAM where the folder has the weights,
            captum is installed and the maps have 4 cells or more a side; else occlusion, if it can.
        roles: the roles whose faces are explained.
        per_class: how many faces of each class, drawn by a hash of what names them.
        of: the class to explain, and to draw by: the model's ``answer``, or the ``label``.
        patch: of occlusion, the side of what is hidden, as a share of the input's side.
        stride: of occlusion, the step between two places, likewise.
        block: of Grad-CAM, the network's block; None takes the last convolutional one.
        pictures: draw the class maps over the mean of the explained faces, which then stands in
            ``saliency.png``; else over a plain drawn face.
        seed: another one draws other faces.
        batch_size: how many inputs go through the network at once.
        jobs: threads that decode and infer; None takes every core.
    """

    method: Method = "auto"
    roles: tuple[Role, ...] = Field(default=("dev",), min_length=1)
    per_class: int = Field(default=50, ge=1)
    of: Literal["answer", "label"] = "answer"
    patch: float = Field(default=PATCH, gt=0, le=1)
    stride: float = Field(default=STRIDE, gt=0, le=1)
    block: str | None = None
    pictures: bool = False
    seed: int = Field(default=0, ge=0)
    batch_size: int = Field(default=64, ge=1)
    jobs: int | None = Field(default=None, ge=1, exclude=True)


class _Request(ExplainConfig):
    """The settings, what ``auto`` came to, and what the model's description says of its answers."""

    used: str
    described: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Explainer:
    """A network that can be asked where it finds a class.

    Attributes:
        method: ``occlusion`` or ``gradcam``.
        spec: the model's description.
        weights: the file of the network.
        infer: logits (n, 7) for inputs that `core.spec.prepare` made.
        maps: (n, size, size) float32 for such inputs and the numbers (n,) of the classes to
            explain; the range is the method's.
        cells: of Grad-CAM, how many cells the block's maps have a side.
    """

    method: str
    spec: ModelSpec
    weights: Path
    infer: Callable[[Floats], Floats]
    maps: Callable[[Floats, npt.NDArray[np.int64]], Floats]
    cells: int = 0


def explainer(
    model: Path | Model,
    method: Method = "auto",
    *,
    prior: Prior | None = None,
    config: ExplainConfig | None = None,
) -> Explainer:
    """Returns a model that explains itself.

    Args:
        model: a model folder, or a model that is loaded already.
        method: see `ExplainConfig`.
        prior: the operating point of occlusion; None takes the model's own.
        config: patch, stride, batch size and threads; None takes the defaults.

    Raises:
        ModelError: the folder lacks what the method needs.
        MissingExtraError: captum, which Grad-CAM needs, is not installed.
        ConfigError: the network gives no maps for Grad-CAM.
    """
    chosen = config or ExplainConfig()
    folder = model.folder if isinstance(model, Model) else find(model)
    if method == "gradcam" or (method == "auto" and (folder / TRAINED).is_file()):
        must = method == "gradcam" or not (folder / WEIGHTS).is_file()
        try:
            found = _gradcam(folder, chosen)
            if must or found.cells >= _FINE:
                return found
        except (ConfigError, MissingExtraError):
            if must:
                raise
    if not (folder / WEIGHTS).is_file():
        raise ModelError(
            f"{folder} holds no {WEIGHTS}, which occlusion runs. Export the model first, or "
            "choose method = 'gradcam' for a folder with weights."
        )
    if not isinstance(model, Model):
        model = Model(folder, threads=chosen.jobs, batch_size=chosen.batch_size)
    maps = functools.partial(
        occlusion_map, model, patch=chosen.patch, stride=chosen.stride, prior=prior
    )
    return Explainer("occlusion", model.spec, folder / WEIGHTS, model.infer, maps)


def _gradcam(folder: Path, config: ExplainConfig) -> Explainer:
    try:
        from mien.models.gradcam import GradCam
    except ImportError:
        raise MissingExtraError("Grad-CAM", "explain") from None
    network = GradCam(folder, block=config.block, threads=config.jobs, batch_size=config.batch_size)
    weights = folder / TRAINED
    return Explainer("gradcam", network.spec, weights, network.infer, network, network.cells)


def explain(
    config: ExplainConfig,
    model: Path,
    faces: Path,
    split: Path,
    out: Path,
    *,
    overwrite: bool = False,
) -> Path:
    """Draws where in the face a model finds each class, on the mean of some faces.

    No picture of a person is stored unless ``pictures`` asks for it.

    Args:
        config: the settings.
        model: a model folder, or the stage folder of `train`.
        faces: the stage folder of `crop`.
        split: the stage folder of `split`, with ``roles.parquet``.
        out: the folder to make: ``saliency.parquet`` (the mean map of each class, summing to 1),
            ``parts.parquet`` (its share by facial part), ``explained.parquet`` (the same of each
            face), ``explain.md`` and ``saliency.png``.
        overwrite: throw away what stands at ``out`` with other settings or inputs.

    Returns:
        ``out``.

    Raises:
        DataError: a table or a chip is missing or damaged, or there is no face to explain.
        ConfigError: the faces were cut by another aligner than the model's, or Grad-CAM was asked
            for and the network gives no maps.
        ModelError: the model folder lacks what the method needs, or gives no finite numbers.
        MissingExtraError: Polars, matplotlib or captum is not installed.
        StageError: ``out`` holds something else.
    """
    tables.polars_or_error("Explaining a model")
    new_figure(1, 1)  # a missing matplotlib is told now, not after the work
    why = explainer(model, config.method, config=config)
    check_framing(faces, why.spec.preprocess)
    described = why.spec.model_dump(exclude={"scores", "files"})
    request = _Request(**dict(config), used=why.method, described=described)
    inputs = {"weights": why.weights, "faces": faces, "split": split}
    folder = StageFolder(out, "explain", request, inputs, overwrite=overwrite)
    if folder.done:
        return out
    read = functools.partial(
        stored_inputs, faces, why.spec.preprocess, batch_size=config.batch_size, jobs=config.jobs
    )
    drawn = _drawn(config, why, read, faces, split)
    return folder.finish(_fill(config, why, read(drawn), folder.work))


def summary(out: Path) -> str:
    """Returns what a finished explanation found, in a line a class."""
    counts = read_meta(out)["counts"]
    lines = [f"{counts['explained']:,} faces explained by {counts['method']}: {out / PAGE}"]
    found = counts["by_class"]
    lines += [f"{titled(k)} (n = {found[k]['n']:,}): {found[k]['most']}" for k in CLASSES]
    return "\n".join(lines)


def _drawn(
    config: ExplainConfig, why: Explainer, read: Callable[..., Stream], faces: Path, split: Path
) -> polars.DataFrame:
    """Returns the faces to explain: `KEY`, role, label and the class to explain."""
    pl = tables.polars_or_error()
    roles = tables.read(split / ROLES, ROLE_COLUMNS).select(*KEY, "role")
    roles = roles.filter(pl.col("role").is_in(list(config.roles)))
    if config.of == "label":
        stream = tables.read_faces(faces, [*KEY, "label"])
        frames = [frame.join(roles, on=KEY).with_columns(of="label") for frame in stream]
    else:
        frames = []
        for rows, inputs in read(roles, columns=["label"]):
            best = why.spec.probabilities(why.infer(inputs)).argmax(axis=1)
            answers = pl.Series("of", [CLASSES[k] for k in best], pl.String)
            frames.append(rows.with_columns(answers))
    known = pl.concat(frames) if frames else roles.clear().with_columns(label=None, of=None)
    known = known.filter(pl.col("of").is_in(list(CLASSES)))
    if known.is_empty():
        raise DataError(
            f"There is no face to explain: none of {faces} has the role {' or '.join(config.roles)}"
            f" in {split / ROLES}{' and one of the labels' if config.of == 'label' else ''}."
        )
    names = ("/".join(key) for key in known.select(KEY).iter_rows())
    places = pl.Series("place", shares.order(names, f"{PICTURE}/{config.seed}"))
    order = known.with_columns(places).sort("place", *KEY).drop("place")
    return order.group_by("of", maintain_order=True).head(config.per_class)


def _fill(config: ExplainConfig, why: Explainer, drawn: Stream, work: Path) -> dict[str, Any]:
    """Fills the folder, and returns the counts."""
    pl = tables.polars_or_error()
    given = why.spec.preprocess
    gathered, frames = ClassMaps(given), []
    behind = np.zeros((len(CLASSES), given.input_size, given.input_size))
    for rows, inputs in drawn:
        classes = np.array([CLASSES.index(name) for name in rows["of"]])
        parts = gathered.add(classes, why.maps(inputs, classes))
        np.add.at(behind, classes, inputs.mean(axis=1))
        odds = why.spec.probabilities(why.infer(inputs))
        frames.append(
            rows.with_columns(
                pl.Series("answer", [CLASSES[k] for k in odds.argmax(axis=1)]),
                pl.Series("confidence", odds.max(axis=1)),
                *(pl.Series(part, parts[:, k]) for k, part in enumerate(PARTS)),
            )
        )
    found = gathered.means()
    tables.write(pl.concat(frames).sort(*KEY), work / FACES)
    tables.write(map_table(found), work / MAPS)
    tables.write(part_table(found, given), work / TABLE)
    title = f"{why.spec.name} on {' and '.join(config.roles)}: {NAMES[why.method]}"
    what = "the model's answer" if config.of == "answer" else "the label"
    chosen = f"Up to {config.per_class:,} faces for each class; explained is {what}."
    if why.cells:
        chosen = f"The maps of the block have {why.cells} x {why.cells} cells. {chosen}"
    with atomic(work / PAGE, "w") as file:
        file.write(page(title, chosen, found, why.method, given))
    panels = [
        Panel(f"{titled(one.name)}  (n = {one.n:,})", one.mean, under if config.pictures else None)
        for one, under in zip(found, behind, strict=True)
    ]
    class_maps(panels, outlines(given), (part_map(given), PARTS), work / PICTURE, title)
    return {
        "method": why.method,
        "explained": sum(map(len, frames)),
        "empty": sum(one.empty for one in found),
        "by_class": {one.name: {"n": one.n, "most": one.stressed(given)} for one in found},
    }
