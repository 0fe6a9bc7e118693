"""Do trainings beat a model on ``dev``, over their seeds, and what do they all know together?

    python benchmarks/seeds.py FACES SPLIT TRAIN TRAIN TRAIN [--model mien-ferplus-1.0]

FACES and SPLIT are the folders of 'mien crop' and 'mien split', each TRAIN one that 'mien train'
wrote. All answers are moved to the model's training shares, and each network is measured there
(``natural``) and at the operating point that the default model's rule chooses for it on ``dev``.
``seeds`` is the mean over the trainings, with its standard deviation, and with the difference to
the model: an interval from resampling groups of like pictures, the same for all. ``together`` is
the mean of all networks' probabilities, mirrored faces included: about what a student of them all
could learn. Only ``dev`` is read.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import softmax

from mien.core.types import Floats
from mien.metrics import classification as cls
from mien.metrics.bootstrap import bootstrap
from mien.metrics.classification import Integers, Reals
from mien.models import operating
from mien.models.augment import Pixels
from mien.models.data import read_faces
from mien.models.inference import inputs_of
from mien.models.operating import OperatingRule
from mien.runtimes.model import Model
from mien.stages.train import MEASURES

RULE = OperatingRule(min_accuracy=0.85, step=0.05)
CELLS = cls.SIZE * (cls.SIZE + 1)


def main() -> None:
    """Reads the command line, answers, prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("faces", type=Path)
    parser.add_argument("split", type=Path)
    parser.add_argument("trainings", type=Path, nargs="+")
    parser.add_argument("--model", default="mien-ferplus-1.0")
    wanted = parser.parse_args()
    networks = {wanted.model: Model(wanted.model)}
    networks |= {str(folder): Model(folder, runtime="torch") for folder in wanted.trainings}
    spec = networks[wanted.model].spec
    dev = read_faces(wanted.faces, wanted.split, ("dev",), spec.preprocess).labelled()
    roles = pl.read_parquet(wanted.split / "roles.parquet").select("id", "group")
    groups = pl.DataFrame({"id": dev.ids}).join(roles, on="id", how="left", maintain_order="left")

    prior = spec.target_prior("natural")
    said = {name: answered(network, dev.pixels, prior) for name, network in networks.items()}
    points = {name: at_points(one[0], dev.labels, prior) for name, one in said.items()}
    views = [view for one in said.values() for view in one]
    together = np.log(np.mean(softmax(views, axis=2), axis=0))

    print("| | natural | chosen |\n|---|---|---|")
    for name, answers in points.items():
        print(f"| {name} | {' | '.join(figures(dev.labels, [one]) for one in answers)} |")
    first, *others = points.values()
    cells = []
    for number, base in enumerate(first):
        mine = [answers[number] for answers in others]
        gap = difference(dev.labels, base, mine, groups["group"].to_list())
        cells.append(f"{figures(dev.labels, mine)}: {gap}")
    print(f"| seeds | {' | '.join(cells)} |")
    both = at_points(together, dev.labels, prior)
    print(f"| together | {' | '.join(figures(dev.labels, [one]) for one in both)} |")


def answered(network: Model, pixels: Pixels, prior: Floats) -> list[Floats]:
    """Returns logits (n, 7) of faces and of their mirror images, moved to class shares (7,)."""
    move = np.log(prior) - np.log(network.spec.target_prior("natural"))
    return [
        np.concatenate([network.infer(some) for some in inputs_of(view, network.spec.preprocess)])
        + move
        for view in (pixels, np.ascontiguousarray(pixels[:, :, ::-1]))
    ]


def at_points(answers: Floats, labels: Integers, prior: Floats) -> list[Integers]:
    """Returns the classes named (n,) at the prior, and at the point that the rule chooses."""
    curve = operating.curve(answers, labels, prior, RULE.step, MEASURES)
    chosen = operating.choose(curve, RULE)
    moved = answers - chosen.strength * np.log(prior)
    return [answers.argmax(1), moved.argmax(1)]


def figures(labels: Integers, answers: list[Integers]) -> str:
    """Returns accuracy and balanced accuracy in percent; of several, the mean and deviation."""
    pairs = [(cls.accuracy(labels, one), cls.balanced_accuracy(labels, one)) for one in answers]
    values = 100 * np.array(pairs)
    means, spread = values.mean(0), values.std(0, ddof=1) if len(pairs) > 1 else None
    if spread is None:
        return " / ".join(f"{mean:.1f}" for mean in means)
    return " / ".join(f"{m:.1f} ± {s:.1f}" for m, s in zip(means, spread, strict=True))


def difference(
    labels: Integers, first: Integers, others: list[Integers], groups: list[str | None]
) -> str:
    """Returns by how many points the mean of others differs from the first, with intervals."""
    cells = np.zeros((len(labels), CELLS * (1 + len(others))))
    for number, answers in enumerate([first, *others]):
        cells[np.arange(len(labels)), number * CELLS + cls.cell(labels, answers)] = 1
    low, high = bootstrap(cells, groups, gaps, resamples=2000)
    middle = gaps(cells.sum(0, keepdims=True))[0]
    return ", ".join(
        f"{100 * m:+.1f} [{100 * a:+.1f}, {100 * b:+.1f}]"
        for m, a, b in zip(middle, low, high, strict=True)
    )


def gaps(sums: Reals) -> Reals:
    """Returns, of sums of cells (b, k), the differences (b, 2) of the two figures."""
    tables = sums.reshape(len(sums), -1, cls.SIZE, cls.SIZE + 1)
    found = cls.table_figures(tables)
    both = np.stack(
        [found["accuracy"], cls.mean_over(found["recall"], found["support"] > 0)], axis=-1
    )
    gap: Reals = both[:, 1:].mean(1) - both[:, 0]
    return gap


if __name__ == "__main__":
    main()
