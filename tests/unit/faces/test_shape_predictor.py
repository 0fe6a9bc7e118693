import math
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.artifact import digest
from mien.core.errors import ModelError
from mien.core.spec import FIVE_POINTS
from mien.core.types import BBox, Image
from mien.faces import shape_predictor
from mien.faces.ert import FACE_IN_VIEW, VIEW, Ert
from mien.faces.ert_training import TreeOptions, grow
from mien.faces.hog import Hog
from mien.faces.shape_predictor import KNOWN, Published, ShapePredictor, landmarks

SMALL = TreeOptions(cascades=3, trees=12, depth=3, pool=60, oversampling=5, threads=1)
LOW = (VIEW - FACE_IN_VIEW) // 2
CORNERS = np.array([(0.75, 0.37), (0.6, 0.37), (0.24, 0.37), (0.39, 0.37), (0.495, 0.67)])


def arc(x: float, y: float, width: float, height: float, angles: np.ndarray) -> np.ndarray:
    """Points of an ellipse, from the image's left over the top where the angles rise from 180."""
    turn = np.radians(angles)
    return np.stack([x + width * np.cos(turn), y + height * np.sin(turn)], axis=1)


def sixty_eight() -> np.ndarray:
    """A face in the order of iBUG 300-W, as shares of its square."""
    column = np.stack([np.full(4, 0.5), np.linspace(0.36, 0.56, 4)], axis=1)
    eyes = [arc(x, 0.33, 0.08, 0.03, np.arange(180, 540, 60)) for x in (0.31, 0.69)]
    return np.concatenate([
        arc(0.5, 0.4, 0.48, 0.6, np.linspace(180, 0, 17)),
        arc(0.3, 0.25, 0.13, 0.06, np.linspace(180, 360, 5)),
        arc(0.7, 0.25, 0.13, 0.06, np.linspace(180, 360, 5)),
        column,
        np.stack([np.linspace(0.42, 0.58, 5), np.full(5, 0.64)], axis=1),
        *eyes,
        arc(0.5, 0.77, 0.18, 0.07, np.arange(180, 540, 30)),
        arc(0.5, 0.77, 0.12, 0.03, np.arange(180, 540, 45)),
    ])  # fmt: skip


SHAPES = {
    "dlib-5": CORNERS,
    "dlib-68": sixty_eight(),
    "mien-5": np.array(FIVE_POINTS),
    "seven": sixty_eight()[27:34],
    "shuffled": CORNERS[[2, 4, 0, 1, 3]],
    "dlib-5 from the left": CORNERS[[2, 3, 0, 1, 4]],
}


def drawn(shape: np.ndarray, x: float = 0, y: float = 0, size: float = 1.0) -> tuple[Image, ...]:
    """A view with a disc at every point of a shape: no photograph, but it has landmarks."""
    points = (shape - 0.5) * FACE_IN_VIEW * size + [VIEW / 2 + x, VIEW / 2 + y]
    rows, columns = np.mgrid[:VIEW, :VIEW]
    image = (rows // 4 + 60).astype(np.uint8)
    for px, py in points:
        image[(rows - py) ** 2 + (columns - px) ** 2 < 36] = 220
    return image, points


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of every layout, trained on a few drawn faces."""
    folder = tmp_path_factory.mktemp("trees")
    random = np.random.default_rng(1)
    for name, shape in SHAPES.items():
        taught = [
            drawn(shape, *random.uniform(-8, 8, 2), random.uniform(0.9, 1.1)) for _ in range(30)
        ]
        grow(taught, SMALL, 0, folder / name)
    return {name: folder / name for name in SHAPES}


@pytest.fixture(scope="module")
def predictors(files: dict[str, Path]) -> dict[str, ShapePredictor]:
    return {name: ShapePredictor(files[name]) for name in ("dlib-5", "dlib-68", "mien-5")}


def colour(image: np.ndarray) -> Image:
    return np.repeat(image[..., None], 3, axis=2)


def expected(name: str, points: np.ndarray) -> np.ndarray:
    """Where an upright drawn face has its eyes, by the layout's own words."""
    if name == "mien-5":
        return points[:2]
    pairs = ((2, 4), (0, 2)) if name == "dlib-5" else ((36, 42), (42, 48))
    eyes = np.array([points[low:high].mean(0) for low, high in pairs])
    return eyes - [0, 0.05 * (eyes[1, 0] - eyes[0, 0])]


def test_what_is_known_of_the_published_files() -> None:
    assert [(known.points, known.commercial_use) for known in KNOWN] == [(5, "yes"), (68, "no")]
    assert "300-W" in KNOWN[1].licence
    assert len({known.sha256 for known in KNOWN}) == len(KNOWN)
    for known in KNOWN:
        assert len(bytes.fromhex(known.sha256)) == 32
        assert str(known.points) in known.name
        assert known.where.startswith("https://")


@pytest.mark.parametrize("name", ["dlib-5", "dlib-68", "mien-5"])
def test_the_layout_is_told(name: str, predictors: dict[str, ShapePredictor]) -> None:
    assert predictors[name].layout == name
    assert predictors[name].known is None


@pytest.mark.parametrize("name", ["dlib-5", "dlib-68", "mien-5"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_points_and_landmarks_lie_where_the_picture_has_them(
    name: str, mirrored: bool, predictors: dict[str, ShapePredictor]
) -> None:
    view, truth = drawn(SHAPES[name], 3, -2)
    # Somewhere in a larger picture, so that the box matters.
    image, corner = np.full((300, 400, 3), 90, np.uint8), np.array([130, 50])
    image[50 : 50 + VIEW, 130 : 130 + VIEW] = colour(view)
    box = BBox(130 + LOW, 50 + LOW, 130 + LOW + FACE_IN_VIEW, 50 + LOW + FACE_IN_VIEW)
    eyes = expected(name, truth + corner)
    if mirrored:
        image = image[:, ::-1]  # not contiguous, as views of pictures may be
        box = BBox(400 - box.x2, box.y1, 400 - box.x1, box.y2)
        eyes = eyes[::-1] * [-1, 1] + [399, 0]
    points = predictors[name].points(image, box)
    assert points.shape == SHAPES[name].shape
    assert points.dtype == np.float32
    placed = predictors[name].place(image, box)
    assert placed.shape == (5, 2)
    assert placed.dtype == np.float32
    distance = np.hypot(*(eyes[1] - eyes[0]))
    assert np.hypot(*(placed[:2] - eyes).T).max() < 0.15 * distance
    left, right, nose, mouth_left, mouth_right = placed
    assert left[0] < nose[0] < right[0]
    assert mouth_left[0] < mouth_right[0]
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])
    if not mirrored:
        assert np.hypot(*(points - truth - corner).T).mean() < 0.1 * distance


ANGLES, SCALES, SHIFTS = st.floats(-180, 180), st.floats(2, 900), st.floats(-900, 900)
NOWHERE = BBox(0, 0, 1, 1)
EMPTY = np.zeros((1, 1, 3), np.uint8)


def moved(shape: np.ndarray, angle: float, scale: float, x: float, y: float) -> np.ndarray:
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return shape @ (scale * np.array([[cos, sin], [-sin, cos]])) + [x, y]


@settings(deadline=None)
@given(ANGLES, SCALES, SHIFTS, SHIFTS)
def test_five_corners_give_the_template_in_any_position(
    predictors: dict[str, ShapePredictor], angle: float, scale: float, x: float, y: float
) -> None:
    template = np.array(FIVE_POINTS)
    eyes = template[1, 0] - template[0, 0]
    left, right = template[:2] + np.array([0, 0.05 * eyes])
    wide = np.array([0.07, 0])
    nose = template[2] + [0, 0.19 * eyes]
    shape = np.array([right + wide, right - wide, left - wide, left + wide, nose])
    seen = moved(shape, angle, scale, x, y).astype(np.float32)
    with mock.patch.object(predictors["dlib-5"], "points", return_value=seen):
        found = predictors["dlib-5"].place(EMPTY, NOWHERE)
    np.testing.assert_allclose(found, moved(template, angle, scale, x, y), atol=1e-3 + scale * 1e-5)


@settings(deadline=None)
@given(ANGLES, SCALES, SHIFTS, SHIFTS)
def test_five_of_68_are_the_named_ones_in_any_position(
    predictors: dict[str, ShapePredictor], angle: float, scale: float, x: float, y: float
) -> None:
    shape = SHAPES["dlib-68"]
    seen = moved(shape, angle, scale, x, y).astype(np.float32)
    with mock.patch.object(predictors["dlib-68"], "points", return_value=seen):
        found = predictors["dlib-68"].place(EMPTY, NOWHERE)
    five = np.array([(0.31, 0.33), (0.69, 0.33), (0.5, 0.56), (0.32, 0.77), (0.68, 0.77)])
    five[:2, 1] -= 0.05 * (0.69 - 0.31)
    np.testing.assert_allclose(found, moved(five, angle, scale, x, y), atol=1e-3 + scale * 1e-5)


def test_it_is_no_crash_where_all_points_coincide(
    predictors: dict[str, ShapePredictor],
) -> None:
    ones = np.ones((5, 2), np.float32)
    with mock.patch.object(predictors["dlib-5"], "points", return_value=ones):
        assert (predictors["dlib-5"].place(EMPTY, NOWHERE) == 1).all()


@pytest.mark.parametrize("name", ["dlib-5", "dlib-68", "mien-5"])
def test_a_box_beyond_the_picture_is_no_crash(
    name: str, predictors: dict[str, ShapePredictor]
) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    for box in (BBox(-500, -500, -400, -400), BBox(10, 10, 5000, 5000), BBox(3, 3, 3.01, 3.01)):
        points = predictors[name].place(image, box)
        assert points.shape == (5, 2)
        assert np.isfinite(points).all()


def test_miens_own_layout_goes_through_its_own_trees(
    files: dict[str, Path], predictors: dict[str, ShapePredictor]
) -> None:
    view, _ = drawn(SHAPES["mien-5"], 3, -2)
    box = BBox(LOW, LOW, LOW + FACE_IN_VIEW, LOW + FACE_IN_VIEW)
    own = Ert(files["mien-5"]).place(colour(view), box)
    np.testing.assert_array_equal(predictors["mien-5"].place(colour(view), box), own)
    np.testing.assert_array_equal(predictors["mien-5"].points(colour(view), box), own)


def test_another_number_of_points_is_refused(files: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match=r"predicts 7 points\. Expected 5 .* or 68 .* Name such"):
        ShapePredictor(files["seven"])


@pytest.mark.parametrize("name", ["shuffled", "dlib-5 from the left"])
def test_five_points_in_another_order_are_refused(name: str, files: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match=r"neither mien's .* nor dlib's .* Name a file"):
        ShapePredictor(files[name])


def test_a_file_that_is_no_predictor_is_refused(tmp_path: Path, files: dict[str, Path]) -> None:
    path = tmp_path / "trees.dat"
    for content in (b"", b"BZh91AY&SY", files["dlib-5"].read_bytes()[:-100]):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"(?s)not a shape predictor .* unpacked \(bunzip2\)"):
            ShapePredictor(path)
    for absent in (tmp_path / "absent.dat", tmp_path):
        with pytest.raises(ModelError, match="not a shape predictor"):
            ShapePredictor(absent)


def known(path: Path, commercial_use: str) -> Published:
    return Published("some.dat", 68, digest(path), "for research", commercial_use, "nowhere")  # type: ignore[arg-type]


def test_a_file_that_may_not_be_sold_says_so_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], files: dict[str, Path]
) -> None:
    shape_predictor._say.cache_clear()
    entry = known(files["dlib-68"], "no")
    monkeypatch.setattr(shape_predictor, "KNOWN", (*KNOWN, entry))
    for _ in range(2):
        found = landmarks(files["dlib-68"])
        assert isinstance(found, ShapePredictor)
        assert found.known == entry
    Hog(files["dlib-68"])
    said = capsys.readouterr()
    assert said.err == "mien: some.dat is not for commercial use: for research.\n"
    assert not said.out
    assert landmarks(files["dlib-5"]).known is None  # type: ignore[union-attr]


def test_other_files_say_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], files: dict[str, Path]
) -> None:
    shape_predictor._say.cache_clear()
    monkeypatch.setattr(shape_predictor, "KNOWN", (known(files["dlib-5"], "yes"),))
    landmarks(files["dlib-5"])
    landmarks(files["dlib-68"])
    assert isinstance(landmarks(None), Ert)
    assert not capsys.readouterr().err


@pytest.mark.parametrize("name", ["dlib-5", "dlib-68", "mien-5"])
def test_the_detector_takes_any_layout(name: str, files: dict[str, Path], astronaut: Image) -> None:
    face = Hog(files[name]).detect(astronaut)[0]
    assert face.landmarks is not None
    assert face.bbox.holds(tuple(face.landmarks.mean(0)))
