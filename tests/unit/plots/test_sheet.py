"""The contact sheet: every cell in its place, whatever the number of sources."""

from pathlib import Path

import numpy as np
import pytest

from mien.core import images
from mien.plots.sheet import Cell, sheet

RED = np.full((20, 10, 3), (255, 0, 0), np.uint8)


@pytest.mark.parametrize("sources", [1, 20])
def test_the_sheet_has_a_cell_for_every_row_and_column(tmp_path: Path, sources: int) -> None:
    names = [f"source-{n}" for n in range(sources)]
    grid = [[Cell(9, [RED] * 6)] * sources, [Cell(0)] * sources]
    path = sheet(grid, ["5-happy", "4-fear"], names, tmp_path / "s.png", size=32)
    page = images.decode(path)
    red = (page == (255, 0, 0)).all(2)
    assert red.sum() == sources * 6 * 32 * 16  # each fills its square as far as it can
    assert page.shape[1] > sources * 4 * 32
    assert [path.name for path in tmp_path.iterdir()] == ["s.png"]


def test_what_cannot_be_read_is_marked(tmp_path: Path) -> None:
    def marks(pictures: list[np.ndarray | None]) -> int:
        path = sheet([[Cell(2, pictures)]], ["a"], ["b"], tmp_path / "s.png", size=32)
        return int((images.decode(path) == (163, 74, 16)).all(2).sum())

    assert marks([RED]) == 0
    assert marks([RED, None]) > 100


def test_the_same_cells_give_the_same_bytes(tmp_path: Path) -> None:
    files = [sheet([[Cell(1, [RED])]], ["a"], ["b"], tmp_path / name).read_bytes() for name in "xy"]
    assert files[0] == files[1]


def test_no_rows_and_no_columns_are_no_error(tmp_path: Path) -> None:
    assert sheet([], [], [], tmp_path / "s.png").is_file()
