from __future__ import annotations

import base64
import io

import numpy as np
import PIL.Image
import pytest

from mien.predictor import Predictor
from mien.serve.answers import image_answer, model_name
from mien.serve.engine import Answered
from mien.serve.schemas import PredictAnswer
from tests.unit.serve.conftest import BRIGHT


@pytest.fixture
def predictor(tiny: object) -> Predictor:
    return Predictor(str(tiny), detector="full-frame", jobs=1)


def answered(predictor: Predictor, data: bytes, omitted: int = 0) -> Answered:
    (picture,) = predictor.classify([predictor.look(("a.png", data))])
    size = None if picture.image is None else (picture.image.shape[1], picture.image.shape[0])
    return Answered(picture, size, omitted, 1.0)


def opened(text: str | None) -> PIL.Image.Image:
    assert text is not None
    return PIL.Image.open(io.BytesIO(base64.b64decode(text, validate=True)))


def test_a_face_is_told_in_full(predictor: Predictor) -> None:
    one = answered(predictor, BRIGHT, omitted=3)
    answer = image_answer(one, predictor.model.spec)
    (face,), (prediction,) = answer.faces, one.picture.predictions
    assert (answer.name, answer.width, answer.height) == ("a.png", 64, 64)
    assert (answer.reason, answer.message, answer.annotated) == (None, None, None)
    assert answer.faces_omitted == 3
    assert face.probabilities is not None
    assert prediction.probabilities is not None
    shares = [row.probability for row in face.probabilities]
    np.testing.assert_array_equal(shares, prediction.probabilities.astype(float))
    assert [row.id for row in face.probabilities] == [0, 1, 3, 4, 5, 6, 7]
    assert face.expression is not None
    assert (face.expression.id, face.expression.name) == (7, "surprise")
    assert (face.abstained, face.chip, face.input) == (False, None, None)
    assert (face.box.x1, face.box.y2) == (0, 64)
    assert face.landmarks is not None
    assert len(face.landmarks) == 5
    assert face.quality is not None
    assert "sharpness" in face.quality


def test_pictures_come_along_when_asked_for(predictor: Predictor) -> None:
    one = answered(predictor, BRIGHT)
    answer = image_answer(one, predictor.model.spec, annotated=True, chips=True)
    (face,), (cut,) = answer.faces, one.picture.cuts
    assert cut.chip is not None
    assert opened(face.chip).size == cut.chip.shape[1::-1]
    assert opened(face.input).size == (48, 48)
    assert min(opened(answer.annotated).size) >= 64


def test_what_cannot_be_read_says_so_and_has_no_pictures(predictor: Predictor) -> None:
    answer = image_answer(answered(predictor, b"?"), predictor.model.spec, True, True)
    assert (answer.faces, answer.width, answer.height, answer.annotated) == ([], None, None, None)
    assert answer.reason == "unreadable"
    assert answer.message is not None
    assert "Expected JPEG" in answer.message


def test_times_add_up(predictor: Predictor) -> None:
    times = image_answer(answered(predictor, BRIGHT), predictor.model.spec).timings_ms
    parts = times.decode + times.detect + times.align + times.network + times.wait
    assert times.total == 1000
    assert parts == pytest.approx(times.total, abs=0.01)
    assert times.decode > 0


def test_an_answer_survives_json(predictor: Predictor) -> None:
    spec = predictor.model.spec
    row = image_answer(answered(predictor, BRIGHT), spec, True, True)
    answer = PredictAnswer(model=model_name(spec), images=[row])
    assert PredictAnswer.model_validate_json(answer.model_dump_json()) == answer
