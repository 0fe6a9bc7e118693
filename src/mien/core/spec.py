"""What travels with a network's weights: its input, its classes and its operating point."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mien.core.errors import ModelError
from mien.core.labels import CLASSES
from mien.core.thresholds import Thresholds
from mien.core.types import Floats

SCHEMA_VERSION: Final = 1
CHIP_SIZE: Final = 256
"""The side of a stored chip, pixels."""
CHIP_MARGIN: Final = 0.75
"""The side of a stored chip is the face's side times 1 + this."""
FIVE_POINTS: Final = ((0.273, 0.344), (0.727, 0.344), (0.5, 0.609), (0.32, 0.819), (0.68, 0.819))
"""Where eyes, nose and mouth corners lie in a face, as shares of the face's side.

Measured: the mean of YuNet's landmarks over FER2013's training pictures, made symmetric; the face
is the square that those pictures show with a margin of 25 %.
"""

Point = tuple[float, float]
Probability = Annotated[float, Field(ge=0, le=1)]
Prior = Literal["natural", "balanced"] | dict[str, Probability]
_INTERPOLATION: Final = {"area": cv2.INTER_AREA, "linear": cv2.INTER_LINEAR}


class Frozen(BaseModel):
    """A value that refuses unknown fields and later changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Preprocess(Frozen):
    """How a chip becomes a network's input.

    Attributes:
        aligner: the name of the aligner that cuts the chip: ``five-point``, or ``eye-line`` for
            the thesis's framing by the detector's box.
        template: the five landmarks in a face, as shares of its side.
        margin: the input's side is the face's side times 1 + this.
        input_size: the side of the input, pixels.
        colour: ``grey`` (one channel, Rec. 601 luma) or ``rgb`` (three).
        mean: subtracted from each channel, on the scale 0 to 255.
        std: divides each channel afterwards.
        normalisation: ``fixed`` uses ``mean`` and ``std``; ``per-image`` uses each chip's own.
        interpolation: how the cut is resized.
        illumination: ``clahe`` levels the light of the chip before anything else (`level_light`).
    """

    aligner: str = "five-point"

    template: tuple[Point, Point, Point, Point, Point] = FIVE_POINTS
    margin: float = Field(default=0.25, ge=0, le=CHIP_MARGIN)
    input_size: int = Field(default=48, ge=16, le=512)
    colour: Literal["grey", "rgb"] = "grey"
    mean: tuple[float, ...] = (127.5,)
    std: tuple[float, ...] = (64.0,)
    normalisation: Literal["fixed", "per-image"] = "fixed"
    interpolation: Literal["area", "linear"] = "area"
    illumination: Literal["none", "clahe"] = "none"

    @property
    def channels(self) -> int:
        """The number of channels of the input."""
        return 1 if self.colour == "grey" else 3


class ModelSpec(Frozen):
    """All that a model folder says of its network; saved as ``spec.json``.

    Attributes:
        training_prior: the class shares that the network saw in training, in the order of classes.
        prior: the operating point: the class shares it shall assume.
        temperature: divides the prior-corrected logits (Guo et al. 2017).
        commercial_use: whether the training data allow it.
        training_data: one line a source: its name and licence.
        catalogue_digest: the sha256 of the catalogue it was trained from.
        scores: figures by role (``dev``, ``test``, ``unseen``).
        files: the sha256 of each file of the folder, by name.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    network: str
    classes: tuple[str, ...] = CLASSES
    preprocess: Preprocess = Preprocess()
    training_prior: tuple[Probability, ...] = (1 / 7,) * 7
    prior: Prior = "natural"
    temperature: float = Field(default=1.0, gt=0)
    thresholds: Thresholds = Thresholds()
    weight_licence: str
    commercial_use: Literal["yes", "no", "unknown"]
    training_data: tuple[str, ...] = ()
    catalogue_digest: str | None = None
    scores: dict[str, Any] = {}
    files: dict[str, str] = {}

    @field_validator("classes")
    @classmethod
    def _seven(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value != CLASSES:
            raise ValueError(f"expected the classes {CLASSES} in this order")
        return value

    @classmethod
    def read(cls, path: Path) -> ModelSpec:
        """Reads ``spec.json``.

        Raises:
            ModelError: the file is missing, is not JSON or breaks the schema.
        """
        try:
            return cls.model_validate(json.loads(path.read_bytes()))
        except OSError as error:
            raise ModelError(
                f"{path} cannot be read ({error.strerror}). A model is a folder that holds "
                "spec.json and model.onnx."
            ) from error
        except (ValueError, ValidationError) as error:
            raise ModelError(f"{path} is not a model's description: {error}") from error

    def target_prior(self, prior: Prior | None = None) -> Floats:
        """Returns the class shares (7,) that an operating point assumes, summing to 1.

        Args:
            prior: None takes the model's own.

        Raises:
            ModelError: a class is missing, unknown, or has no share at all.
        """
        chosen: Any = self.prior if prior is None else prior  # callers may hand over any text
        if chosen == "natural":
            shares: npt.NDArray[np.float64] = np.asarray(self.training_prior, np.float64)
        elif chosen == "balanced":
            shares = np.full(len(CLASSES), 1 / len(CLASSES))
        elif isinstance(chosen, dict) and set(chosen) == set(CLASSES):
            shares = np.asarray([chosen[name] for name in CLASSES], np.float64)
        else:
            raise ModelError(
                f"The prior {chosen!r} is not known. Expected 'natural', 'balanced', or a share "
                f"for each of: {', '.join(CLASSES)}."
            )
        if shares.min() <= 0:
            raise ModelError("Every class of a prior needs a share above 0.")
        target: Floats = (shares / shares.sum()).astype(np.float32)
        return target

    def probabilities(self, logits: Floats, prior: Prior | None = None) -> Floats:
        """Returns calibrated probabilities (n, 7), rows summing to 1, from logits (n, 7).

        The logits are moved from the training prior to the operating point (Saerens et al. 2002)
        and divided by the temperature.
        """
        shift = np.log(self.target_prior(prior)) - np.log(self.target_prior("natural"))
        scaled = (logits.astype(np.float64) + shift) / self.temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        odds = np.exp(scaled)
        probabilities: Floats = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
        return probabilities


def prepare(chips: npt.NDArray[np.uint8], preprocess: Preprocess) -> Floats:
    """Turns chips into a network's input: the only way there is, in training as at prediction.

    Args:
        chips: (n, 256, 256, 3) uint8 RGB in the wide canonical framing.
        preprocess: the network's input.

    Returns:
        (n, channels, size, size) float32.

    Raises:
        ValueError: the chips have another shape or dtype.
    """
    if chips.ndim != 4 or chips.shape[1:] != (CHIP_SIZE, CHIP_SIZE, 3) or chips.dtype != np.uint8:
        raise ValueError(
            f"Chips are (n, {CHIP_SIZE}, {CHIP_SIZE}, 3) uint8; got {chips.shape} {chips.dtype}."
        )
    size = preprocess.input_size
    cut = np.empty((len(chips), size, size, preprocess.channels), np.uint8)
    for out, chip in zip(cut, chips, strict=True):
        out[:] = resized_cut(chip, preprocess).reshape(out.shape)
    return normalise(cut, preprocess)


def resized_cut(chip: npt.NDArray[np.uint8], preprocess: Preprocess) -> npt.NDArray[np.uint8]:
    """Returns a chip's centre, in the network's colour and size, still uint8."""
    side = CHIP_SIZE * (1 + preprocess.margin) / (1 + CHIP_MARGIN)
    low = round((CHIP_SIZE - side) / 2)
    if preprocess.colour == "grey":
        chip = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)  # type: ignore[assignment]
    if preprocess.illumination == "clahe":  # on the whole chip: every cut of it sees one light
        chip = level_light(chip)
    inner = chip[low : CHIP_SIZE - low, low : CHIP_SIZE - low]
    size = (preprocess.input_size, preprocess.input_size)
    return cv2.resize(inner, size, interpolation=_INTERPOLATION[preprocess.interpolation])  # type: ignore[return-value]


def level_light(chip: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Returns a chip whose light is levelled by CLAHE (Zuiderveld 1994).

    Contrast-limited adaptive histogram equalisation over 8x8 tiles, limit 2; in colour on the
    lightness of CIELAB, so that hues stay.

    Args:
        chip: (256, 256, 3) uint8 RGB, or (256, 256) uint8.
    """
    levelling = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    if chip.ndim == 2:
        return levelling.apply(chip)  # type: ignore[return-value]  # OpenCV types arrays loosely
    lab = cv2.cvtColor(chip, cv2.COLOR_RGB2LAB)
    lab[..., 0] = levelling.apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)  # type: ignore[return-value]


def normalise(pixels: npt.NDArray[np.uint8], preprocess: Preprocess) -> Floats:
    """Scales (n, size, size, channels) uint8 to the (n, channels, size, size) float32 input."""
    batch = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), dtype=np.float32)
    if preprocess.normalisation == "per-image":
        mean = batch.mean(axis=(1, 2, 3), keepdims=True)
        std = batch.std(axis=(1, 2, 3), keepdims=True)
        # A constant chip has no contrast to scale; 8 grey levels is below any real face's.
        std = np.maximum(std, 8.0)
    else:
        mean = np.asarray(preprocess.mean, np.float32).reshape(1, -1, 1, 1)
        std = np.asarray(preprocess.std, np.float32).reshape(1, -1, 1, 1)
    scaled: Floats = (batch - mean) / std
    return scaled


def check_input(batch: Floats, shape: tuple[int, ...]) -> None:
    """Checks a network's input.

    Args:
        batch: the input.
        shape: what it is for each face: (channels, size, size).

    Raises:
        ValueError: the batch is not (n, *shape) float32.
    """
    if batch.ndim != 4 or batch.shape[1:] != shape or batch.dtype != np.float32:
        expected = ", ".join(map(str, shape))
        raise ValueError(
            f"This network takes (n, {expected}) float32; got {batch.shape} {batch.dtype}."
        )
