"""The command that lists the networks."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from mien.cli.app import app

pytest.importorskip("torch")
RUNNER = CliRunner()


def test_a_table_of_all_or_a_page_on_one() -> None:
    table = RUNNER.invoke(app, ["networks"])
    assert table.exit_code == 0, table.output
    assert table.stdout.startswith("network ")
    one = RUNNER.invoke(app, ["networks", "mienet-tiny"])
    assert one.exit_code == 0, one.output
    assert "block" in one.stdout
    assert "stage3" in one.stdout
