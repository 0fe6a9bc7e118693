from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from mien.core.errors import MienError
from mien.core.types import BBox, Face, Prediction
from mien.serve import schemas
from mien.serve.errors import KINDS, STATUS_CODES, ServiceError
from mien.serve.schemas import Answer, BatchLine, ErrorAnswer, FaceAnswer, Pose, PredictAnswer

ANSWERS = [
    found
    for found in vars(schemas).values()
    if isinstance(found, type) and issubclass(found, Answer) and found is not Answer
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_refuses_fields_of_its_own_making(answer: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        answer.model_validate({"invented": 1})
    assert answer.model_json_schema()["additionalProperties"] is False


def test_a_face_without_an_answer_says_why() -> None:
    face = Face(BBox(1, 2, 3, 4), 0.5, "yunet")
    prediction = Prediction(
        source="a", index=2, model="m", face=face, abstained=True, reason="bad_landmarks"
    )
    told = FaceAnswer.of(prediction, None, None)
    assert told.box.model_dump() == {"x1": 1, "y1": 2, "x2": 3, "y2": 4}
    assert (told.index, told.detector, told.score) == (2, "yunet", 0.5)
    assert (told.landmarks, told.pose, told.quality) == (None, None, None)
    assert (told.probabilities, told.expression, told.confidence) == (None, None, None)
    assert (told.abstained, told.reason) == (True, "bad_landmarks")


def test_a_turned_head_is_told_in_degrees() -> None:
    face = Face(BBox(1, 2, 3, 4), 0.5, "yunet", yaw=10.0, pitch=-5.0, roll=1.5)
    told = FaceAnswer.of(Prediction(source="a", index=0, model="m", face=face), None, None)
    assert told.pose == Pose(yaw=10, pitch=-5, roll=1.5)


def test_the_documents_hold_what_a_batch_and_a_request_share() -> None:
    def needed(model: type[BaseModel]) -> Any:
        return model.model_json_schema()["$defs"]["FaceAnswer"]

    assert needed(BatchLine) == needed(PredictAnswer)


@pytest.mark.parametrize("code", KINDS)
def test_an_error_is_its_row_of_the_table(code: str) -> None:
    error = ServiceError(code, "words", 3)
    assert isinstance(error, MienError)
    assert (error.status, error.headers["Retry-After"]) == (KINDS[code].status, "3")
    assert ErrorAnswer.model_validate(error.body).error.message == "words"
    assert ("WWW-Authenticate" in error.headers) == (code == "unauthorised")
    assert "Retry-After" not in ServiceError(code, "words").headers


def test_no_two_errors_share_a_status() -> None:
    assert len(STATUS_CODES) == len(KINDS)
