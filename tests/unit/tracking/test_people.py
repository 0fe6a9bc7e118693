"""`mien.track`: files and arrays give the same people; what is no frame is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mien
from mien.core.errors import DataError, InputError, VideoError
from mien.core.videos import open_video
from mien.tracking.follow import Following
from tests.unit.stages.test_video import changing, grey

pytest.importorskip("scipy")
pytest.importorskip("av")


def test_arrays_and_the_file_give_the_same_people(model: Path, tmp_path: Path) -> None:
    source = changing(tmp_path / "a.mp4", 20, 20)
    (one,) = mien.track(source, model=str(model), detector="full-frame")
    assert [(event.before, event.after) for event in one.events] == [("neutral", "surprise")]
    with open_video(source) as video:
        frames = [(frame.time, frame.image) for frame in video]
    (two,) = mien.track(iter(frames), model=str(model), detector="full-frame")
    assert np.array_equal(one.smoothed, two.smoothed)
    (three,) = mien.track(
        [image for _, image in frames], rate=10, model=str(model), detector="full-frame"
    )
    assert three.times == pytest.approx(one.times)


def test_how_people_are_followed_can_be_said(model: Path) -> None:
    frames = [*grey(20, 20), *grey(235, 2), *grey(20, 20)]
    how = {"rate": 10.0, "model": str(model), "detector": "full-frame"}
    (one,) = mien.track(frames, following=Following(minimum=0.3), **how)
    assert one.events == ()


def test_what_is_no_frame_is_refused(model: Path, tmp_path: Path) -> None:
    how = {"model": str(model), "detector": "full-frame"}
    with pytest.raises(InputError, match="Frame 1 is no picture"):
        mien.track([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4))], **how)
    with pytest.raises(InputError, match="rate"):
        mien.track([], rate=0, **how)
    with pytest.raises(VideoError):
        mien.track(tmp_path / "gone.mp4", **how)
    still = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(DataError, match="in the order of their times"):
        mien.track([(1.0, still), (1.0, still)], **how)
    assert mien.track([], **how) == []
