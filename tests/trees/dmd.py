"""DMD: the three cameras of some drivers, in two streams, with and without annotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trees.clips import clip
from trees.kdef_dyn import morph

TIME = "2019-03-08T09;31;15+01;00"


def video(root: Path, driver: str, session: str, what: str, number: int, seconds: int = 3) -> Path:
    """Writes a video of ten frames a second; ``driver`` is such as ``gA_1``."""
    group, subject = driver.split("_")
    name = f"{driver}_{session}_{TIME}_{what}.mp4"
    place = root / "dmd" / group / subject / session / name
    return clip(place, morph(number, 5) * 2 * seconds, size=(32, 24))


def annotation(root: Path, driver: str, session: str, actions: dict[str, list[Any]]) -> Path:
    """Writes the annotation of a video: the first and last frames of each type of action."""
    group, subject = driver.split("_")
    name = f"{driver}_{session}_{TIME}_rgb_ann_distraction.json"
    place = root / "dmd" / group / subject / session / name
    told = {
        str(number): {
            "name": "",
            "type": kind,
            "frame_intervals": [{"frame_start": first, "frame_end": last} for first, last in spans],
        }
        for number, (kind, spans) in enumerate(actions.items())
    }
    place.write_text(json.dumps({"openlabel": {"metadata": {}, "actions": told}}))
    return place


def build(root: Path) -> tuple[int, int]:
    """Writes faces of two drivers, and what is not read of them."""
    video(root, "gA_1", "s1", "rgb_face", 1)
    annotation(
        root,
        "gA_1",
        "s1",
        {
            "driver_actions/safe_drive": [(0, 12)],
            "gaze_on_road/looking_road": [(0, 29)],
            "driver_actions/drinking": [(15, 24)],
        },
    )
    video(root, "gB_07", "s2", "rgb_face", 2, seconds=1)
    samples = 4 + 2  # at 0, 1, 2 and 2.9 seconds; at 0 and 0.9
    for number, what in enumerate(("rgb_body", "rgb_hands", "rgb_mosaic", "ir_face", "depth_face")):
        video(root, "gA_1", "s1", what, 10 + number, seconds=1)
    (root / "dmd" / "gA" / "1" / "s1" / "trailer.mp4").write_text("Dear reader")
    (root / "dmd" / "gA" / "1" / "s1" / f"gA_1_s3_{TIME}_rgb_face.mp4").write_bytes(b"")
    (root / "dmd" / "README.md").write_text("Driver Monitoring Dataset")
    return samples, 5 + 2
