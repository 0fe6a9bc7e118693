"""From what the engine found to what the service says of it."""

from __future__ import annotations

import base64

import mien
from mien.core.images import decode, encode_png
from mien.core.spec import ModelSpec, resized_cut
from mien.core.types import Image
from mien.plots.annotate import annotate
from mien.predictor import Picture
from mien.serve.engine import Answered
from mien.serve.schemas import FaceAnswer, ImageAnswer, ModelName, Timings


def model_name(spec: ModelSpec) -> ModelName:
    """Returns which model answers, and which mien runs it."""
    return ModelName(name=spec.name, mien=mien.__version__)


def image_answer(
    answered: Answered, spec: ModelSpec, annotated: bool = False, chips: bool = False
) -> ImageAnswer:
    """Returns what the service says of a picture.

    Args:
        answered: what was found.
        spec: the model's description.
        annotated: add a copy with boxes, landmarks and bars.
        chips: add each face's chip, and the network's input.
    """
    picture = answered.picture
    faces = [prediction for prediction in picture.predictions if prediction.face is not None]
    rows = []
    cuts = [cut.chip for cut in picture.cuts] if chips else [None] * len(faces)
    for prediction, cut in zip(faces, cuts, strict=True):
        chip, given = (None, None)
        if cut is not None:
            chip = _png(cut)
            given = _png(decode(resized_cut(cut, spec.preprocess)))
        rows.append(FaceAnswer.of(prediction, chip, given))
    without = None if faces else picture.predictions[0]
    width, height = answered.size or (None, None)
    marked = None
    if annotated and picture.image is not None:
        marked = _png(annotate(picture.image, picture.predictions))
    return ImageAnswer(
        name=picture.source,
        width=width,
        height=height,
        faces=rows,
        faces_omitted=answered.omitted,
        reason=None if without is None else without.reason,
        message=None if without is None else without.message,
        timings_ms=_timings(picture, answered.total),
        annotated=marked,
    )


def _timings(picture: Picture, total: float) -> Timings:
    stages = {
        name: round(1000 * picture.seconds.get(name, 0.0), 3)
        for name in ("decode", "detect", "align", "network")
    }
    whole = round(1000 * total, 3)
    wait = round(max(0.0, whole - sum(stages.values())), 3)
    return Timings(**stages, wait=wait, total=whole)


def _png(image: Image) -> str:
    return base64.b64encode(encode_png(image)).decode("ascii")
