"""A person's rows hold what was seen and what was made of it; the page says it in words."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.labels import CLASSES
from mien.core.timeline import Event, Timeline
from mien.tracking.attention import Attention
from mien.tracking.seen import COLUMNS, table
from mien.tracking.tables import page, person_summary, person_table

pytest.importorskip("polars")

N = 100


def _person(number: int = 0) -> tuple[Timeline, list[dict[str, object]]]:
    times = np.arange(N) / 10
    boxes = np.tile([1.0, 2.0, 11.0, 12.0], (N, 1))
    boxes[50:55] = np.nan
    raw = np.zeros((N, 7))
    raw[:60, 0], raw[60:, 4] = 1, 1
    smoothed = raw.copy()
    raw[50:55] = np.nan
    event = Event(number, "neutral", "happy", 6.0, 7.0, 9.9, 0.9)
    rows = [
        {
            **dict.fromkeys(COLUMNS),
            "frame": n, "time": times[n], "index": 0, "yaw": 50.0 if 20 <= n < 45 else 0.0,
            "pitch": 0.0, "opening": 0.0 if n < 10 else 0.3, "abstained": False,
            **dict(zip(("x1", "y1", "x2", "y2"), boxes[n].tolist(), strict=True)),
        }
        for n in range(N) if not 50 <= n < 55
    ]  # fmt: skip
    rows += [{**dict.fromkeys(COLUMNS), "frame": n, "time": times[n], "index": 0, "abstained": True,
              "reason": "no_face"} for n in range(50, 55)]  # fmt: skip
    rows.sort(key=lambda row: row["frame"])
    return Timeline(number, times, boxes, raw, smoothed, (event,)), rows


def test_rows_of_a_person() -> None:
    one, rows = _person(2)
    found, away = person_table(one, table(rows), 0.3, Attention())
    assert len(found) == N
    assert found["frame"].to_list() == list(range(N))
    assert found["x1"].null_count() == 5
    assert found["neutral"].null_count() == 5
    assert found["expression"].to_list() == ["neutral"] * 60 + ["happy"] * 40
    assert found["perclos"][9] == 1
    assert found["perclos"][99] == pytest.approx(0.1, abs=0.02)
    (turn,) = away
    assert (turn.person, turn.start, turn.end) == (2, 2.0, 4.4)
    told = person_summary(found, one.events, away)
    assert (told["first"], told["last"], told["frames"], told["found"]) == (0, 9.9, N, 95)
    assert told["answered"] == 95
    assert (told["neutral"], told["happy"], told["anger"]) == (0.6, 0.4, 0)
    assert told["away"] == pytest.approx(2.4)
    assert told["perclos"] == 1


def test_the_page_names_people_and_changes() -> None:
    one, rows = _person()
    found, away = person_table(one, table(rows), 0.3, Attention())
    text = page("a.mp4", ["A note."], [person_summary(found, one.events, away)], one.events * 50)
    assert text.startswith("# a.mp4\n\nA note.")
    assert "0-neutral 60.0 %" in text
    assert "| 6.00 | 0 | 0-neutral | 5-happy |" in text
    assert "10 more stand in the table of events." in text


def test_without_lids_or_anybody() -> None:
    one, rows = _person()
    blank = [{**row, "opening": None} for row in rows]
    found, _ = person_table(one, table(blank), 0.3, Attention())
    assert person_summary(found, (), [])["perclos"] is None
    assert "not measured" in page("x", [], [person_summary(found, (), [])], [])
    assert "Nobody was followed." in page("x", [], [], [])
    assert len(CLASSES) == 7
