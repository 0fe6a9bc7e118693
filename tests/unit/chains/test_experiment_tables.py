"""The tables of an experiment: the thesis's figures beside ours, and no accuracy alone."""

import pytest

from mien.chains import experiment_tables as tables
from mien.chains.cells import Figures, Result
from mien.chains.grid import Cell
from mien.chains.prices import Machine, PriceList

PRICES = PriceList(
    machine=(
        Machine(name="here", price=2, currency="EUR", date="2026"),
        Machine(name="P100", price=1.6, currency="EUR", date="2018", hours="thesis"),
    )
)


def result(test: float, *, unseen: float | None = 0.5, seconds: float = 3600) -> Result:
    figures = {"dev": Figures(10, test, test), "test": Figures(20, test, test, (0.1, 0.9))}
    if unseen is not None:
        figures["unseen"] = Figures(30, unseen, unseen)
    return Result(
        "done",
        faces=100,
        epochs=30,
        iterations=6570,
        parameters=56_896_903,
        megabytes=227.6,
        seconds=seconds,
        step_seconds=1.0,
        images_per_second=3000.0,
        figures=figures,
    )


def cell(split: str = "disjoint", seed: int = 0, network: str = "alexnet") -> Cell:
    return Cell(split, "original", network, "imagenet", seed)


def line(page: str, *starts: str) -> str:
    (found,) = [row for row in page.splitlines() if row.startswith("| " + " | ".join(starts))]
    return found


def test_the_thesis_s_rows_stand_beside_ours():
    page = tables.page({cell(): result(0.8)}, PRICES)
    accuracy, training, cost = [
        row for row in page.splitlines() if row.startswith("| alexnet | original")
    ]
    assert accuracy.endswith(
        "| 80.0 % | 80.0 % [10.0, 90.0] | 50.0 % | 95.24 % | 95.48 % | by start, below |"
    )
    assert training.endswith("| 100 | 30 | 6,570 | 6,570 | 1 h 0 min | 7 min | 3000 | 1681 |")
    assert cost.endswith("| 1.000 | 2.0000 | 0.12 | 0.19 |")
    start = line(page, "imagenet", "alexnet")
    assert start.endswith("| 80.0 % | 80.0 % | 50.0 % | 96 % | 96 % | 40 % |")
    assert line(page, "alexnet", "56").endswith("| 56,896,903 | 56,896,903 | 227.6 | 228 |")
    assert "- split disjoint: validation n = 10, test n = 20, unseen n = 30" in page
    assert "Random split" not in page
    assert "Not done" not in page


def test_several_seeds_give_mean_and_deviation():
    page = tables.page({cell(seed=0): result(0.7), cell(seed=1): result(0.9, seconds=1800)})
    assert "80.0 ± 14.1 %" in line(page, "imagenet")
    assert "| 45 min |" in page
    assert "No price list" in page


def test_a_random_split_stands_beside_the_others():
    page = tables.page({cell(): result(0.8), cell("random"): result(0.95)})
    beside = page.split("## Random split")[1]
    assert "| 95.0 % | 80.0 % | +15.0 | 50.0 % | 50.0 % |" in beside


def test_no_accuracy_stands_alone():
    alone = result(0.8, unseen=None)
    assert tables.accuracies(alone).endswith("unseen sources: not measured")
    page = tables.page({cell(): alone})
    assert "unseen sources: not measured" in page
    assert "| not measured |" in line(page, "imagenet")
    assert tables.heights({cell(): alone})["disjoint split, original set"] == {
        "alexnet\nimagenet": {"validation": 0.8, "test": 0.8, "unseen": None}
    }


def test_what_is_not_done_says_why():
    page = tables.page(
        {cell(): Result("failed", "StageError: a | b"), cell(seed=1): Result("waiting")}
    )
    assert "0 of 2 trainings are done." in page
    assert "failed | StageError: a \\| b |" in page
    assert "## Accuracy" not in page


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "-"), (3.14159, "3.14 s"), (130, "2 min"), (13_500, "3 h 45 min")],
)
def test_spans(seconds, words):
    assert tables.span(seconds) == words
