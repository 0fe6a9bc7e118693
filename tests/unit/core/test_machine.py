from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mien.core import machine
from mien.core.errors import StageError
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


_HELD = """
from mien.core.machine import peak_memory
before = peak_memory()
held = b"x" * 50_000_000
del held
print(before, peak_memory())
"""


def test_the_most_memory_that_was_held() -> None:
    done = subprocess.run([sys.executable, "-c", _HELD], capture_output=True, text=True, check=True)
    before, most = map(int, done.stdout.split())
    assert before > 1e6
    assert before + 40e6 < most < before + 80e6


def test_a_system_without_proc_is_asked_otherwise(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "_STATUS", tmp_path / "none")
    assert machine.peak_memory() > 10e6
    monkeypatch.setattr(machine.sys, "platform", "darwin")  # which counts bytes
    assert machine.peak_memory() > 1e4
    monkeypatch.setitem(machine.sys.modules, "resource", None)
    with pytest.raises(StageError, match="Measure on Linux or macOS"):
        machine.peak_memory()


def test_memory_is_given_back_where_the_system_can(monkeypatch: pytest.MonkeyPatch) -> None:
    machine.give_back_memory()
    calls: list[int] = []

    class Library:
        def malloc_trim(self, left: int) -> None:
            calls.append(left)

    monkeypatch.setattr(machine.ctypes, "CDLL", lambda _: Library())
    machine.give_back_memory()
    assert calls == [0]
    monkeypatch.setattr(machine.ctypes, "CDLL", lambda _: object())
    machine.give_back_memory()
