"""`predict --explain`: for every found face a picture of where its answer comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import PIL.Image

from mien.core import registry
from mien.core.artifact import atomic
from mien.core.labels import CLASSES, titled
from mien.core.protocols import Aligner
from mien.core.spec import prepare, resized_cut
from mien.core.types import Floats, Prediction
from mien.plots.saliency import beside
from mien.predictor import Picture, Predictor
from mien.stages.explain import Method, explainer

_WORDS: Final = {
    "occlusion": (
        "Occlusion: red where hiding a patch lowers the odds of the answer,",
        "blue where it raises them; strongest: log-odds {low:+.1f} and {high:+.1f}.",
    ),
    "gradcam": (
        "Grad-CAM: red where the last convolutional block speaks for the answer.",
        "Strongest red: the largest value of this face, whatever its size.",
    ),
}


class Reasons:
    """Draws, for the faces of pictures, where a predictor's answers come from.

    Args:
        predictor: what made the predictions; its operating point is explained.
        method: ``occlusion``, ``gradcam`` or ``auto``, see `mien.stages.explain.ExplainConfig`.

    Raises:
        ModelError: the model's folder lacks what the method needs.
        MissingExtraError: Grad-CAM was asked for and captum is not installed.
        ConfigError: Grad-CAM was asked for and the network gives no maps.
    """

    def __init__(self, predictor: Predictor, method: Method = "auto") -> None:
        self._why = explainer(predictor.model, method, prior=predictor.prior)
        self._preprocess = predictor.model.spec.preprocess
        self._aligner: Aligner = registry.load("aligners", self._preprocess.aligner)()

    def save(self, picture: Picture, folder: Path, name: str) -> list[Path]:
        """Writes a picture for every face that has an answer.

        Args:
            picture: a picture with its predictions.
            folder: where to write.
            name: what the files' names begin with; ``-<number of the face>.why.png`` follows.

        Returns:
            The files, one a face with an answer.
        """
        assert picture.image is not None, "what could not be read has no face"
        files = []
        for prediction in picture.predictions:
            if prediction.face is None or prediction.expression is None:
                continue
            chip = self._aligner.align(picture.image, prediction.face)
            found = self._map(chip[None], prediction)
            shown = resized_cut(chip, self._preprocess)
            if shown.ndim == 2:
                shown = np.repeat(shown[:, :, None], 3, axis=2)
            page = PIL.Image.fromarray(beside(shown, found, _title(prediction), self._words(found)))
            path = folder / f"{name}-{prediction.index}.why.png"
            with atomic(path) as file:
                page.save(file, format="PNG")
            files.append(path)
        return files

    def _map(self, chips: npt.NDArray[np.uint8], prediction: Prediction) -> Floats:
        inputs = prepare(chips, self._preprocess)
        classes = np.array([CLASSES.index(prediction.expression or "")])
        found: Floats = self._why.maps(inputs, classes)[0]
        return found

    def _words(self, found: Floats) -> list[str]:
        low, high = -float(found.max()), -float(found.min())
        return [line.format(low=low, high=high) for line in _WORDS[self._why.method]]


def _title(prediction: Prediction) -> str:
    assert prediction.expression is not None
    title = f"{titled(prediction.expression)}  {100 * (prediction.confidence or 0):.2f}%"
    if prediction.abstained and prediction.reason:
        title += f"  unsure: {prediction.reason.replace('_', ' ')}"
    return title
