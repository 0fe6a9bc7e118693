import hashlib
import itertools
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from mien.core.artifact import digest
from mien.core.config import check
from mien.core.errors import ConfigError, DataError
from mien.datasets.internet import person
from mien.faces import ert_training
from mien.stages.landmarks import (
    THIRD,
    LandmarksConfig,
    error,
    pictures,
    split_people,
    train_landmarks,
)

TREES = {"cascades": 2, "trees": 4, "depth": 2, "threads": 1}


def test_a_person_is_never_split_and_the_third_is_a_third() -> None:
    names = [f"Person{i}_{n:04}.jpg" for i in range(600) for n in range(1, 4)]
    names += [f"Other{i}_{n}.jpg" for i in range(300) for n in (7, 12)]
    third, rest = split_people([Path(name) for name in names])
    assert not {person(p.name) for p in third} & {person(p.name) for p in rest}
    assert sorted(p.name for p in third + rest) == sorted(names)
    assert 0.28 < len(third) / len(names) < 0.38


def test_the_third_is_the_same_for_ever() -> None:
    name = hashlib.sha256(b"Ann_Lee").hexdigest()
    third, _ = split_people([Path("Ann_Lee_0001.jpg")])
    assert bool(third) == (int(name, 16) % 3 == 0)


def test_an_error_is_a_share_of_the_eye_distance() -> None:
    truth = np.array([[0, 0], [10, 0], [5, 5], [2, 9], [8, 9]], np.float32)
    assert error(truth + np.array([0, 1], np.float32), truth) == pytest.approx(0.1)


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pictures"):
        pictures(tmp_path)


def test_settings_are_strict(tmp_path: Path) -> None:
    settings = {"ferplus": tmp_path, "internet": tmp_path, "out": tmp_path / "x.dat"}
    assert check(LandmarksConfig, settings, "landmarks").seed == 0
    with pytest.raises(ConfigError, match="sed"):
        check(LandmarksConfig, {**settings, "sed": 1}, "landmarks")


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """A portrait in many crops, laid out as the two data sets."""
    data = pytest.importorskip("skimage.data", reason="scikit-image is not installed")
    portrait = data.astronaut()
    folders = {"ferplus/FER2013Train": 6, "ferplus/FER2013Valid": 4, "internet/images": 9}
    number = itertools.count()
    for folder, count in folders.items():
        (tmp_path / folder).mkdir(parents=True)
        for _ in range(count):
            i = next(number)
            crop = portrait[20 + i : 230 + i, 110 + i : 320 + i]
            if "ferplus" in folder:
                crop = cv2.resize(crop, (96, 96), interpolation=cv2.INTER_AREA)
            PIL.Image.fromarray(crop).save(tmp_path / folder / f"Person{i}_0001.png")
    (tmp_path / "internet/images/broken.png").write_bytes(b"no picture")
    return tmp_path


def test_it_teaches_measures_and_says_from_what(
    roots: Path, yunet_weights: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def run(out: Path) -> dict:
        settings = {
            "ferplus": roots / "ferplus",
            "internet": roots / "internet",
            "out": out,
            "yunet": yunet_weights,
            "ferplus_faces": 5,
            "repeats": 1,
            "trees": TREES,
            "jobs": 1,
        }
        return train_landmarks(check(LandmarksConfig, settings, "landmarks"))

    result = run(tmp_path / "a" / "ert5.dat")
    out = tmp_path / "a"
    assert sorted(path.name for path in out.iterdir()) == [
        "ert5.dat", "ert5.dat.json", THIRD
    ]  # fmt: skip
    assert result == json.loads((out / "ert5.dat.json").read_text())
    assert result["sha256"] == digest(out / "ert5.dat")
    assert result["counts"]["ferplus_teaching"]["pictures"] == 5
    assert str(roots) not in (out / "ert5.dat.json").read_text()
    third, rest = split_people(pictures(roots / "internet/images"))
    listed = (out / THIRD).read_text().split()
    assert listed == sorted(digest(p) for p in third if p.name != "broken.png")
    readable = [p for p in rest if p.name != "broken.png"]
    assert 0 < result["errors"]["internet_consensus"]["faces"] <= len(readable)
    assert set(result["errors"]) == {
        f"{name}_{kind}"
        for name in ("ferplus_valid", "internet")
        for kind in ("consensus", "once", "yunet")
    }
    assert "looking at 5 FER+ training faces" in capsys.readouterr().err
    assert run(tmp_path / "b" / "ert5.dat")["sha256"] == result["sha256"]


def test_a_stop_while_growing_leaves_nothing(
    roots: Path, yunet_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mien.stages.landmarks.grow", stop)
    settings = {
        "ferplus": roots / "ferplus", "internet": roots / "internet", "yunet": yunet_weights,
        "out": tmp_path / "c" / "ert5.dat", "jobs": 1,
    }  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        train_landmarks(check(LandmarksConfig, settings, "landmarks"))
    assert not (tmp_path / "c").exists()
    assert ert_training.grow is not stop


def test_the_shipped_third_is_the_rules(test_data: Path) -> None:
    with tarfile.open(test_data / "internet.tar") as archive:
        members = [m for m in archive if m.isfile() and m.name.startswith("internet/images/")]
        third, _ = split_people([Path(m.name) for m in members])
        names = {str(path) for path in third}
        found = sorted(
            hashlib.sha256(archive.extractfile(m).read()).hexdigest()  # type: ignore[union-attr]
            for m in members
            if m.name in names
        )
    import mien

    shipped = Path(mien.__file__).parent / "assets" / "landmarks" / THIRD
    assert shipped.read_text().split() == found
