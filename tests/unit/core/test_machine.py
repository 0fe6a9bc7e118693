from __future__ import annotations

import os
from pathlib import Path

import pytest

from mien.core import machine
from mien.core.machine import cores


@pytest.fixture(autouse=True)
def _no_quota(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "_QUOTA", tmp_path / "none")


def test_the_cores_granted_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert cores() == 3


def test_where_the_system_does_not_say_all_cores_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("150000 100000", 2), ("1000 100000", 1), ("max 100000", 64), ("", 64), ("5 0", 64)],
)
def test_a_container_s_quota_counts(tmp_path, monkeypatch, text, wanted):
    file = tmp_path / "cpu.max"
    file.write_text(text)
    monkeypatch.setattr(machine, "_QUOTA", file)
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert machine.cores() == wanted
