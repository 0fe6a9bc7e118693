"""How often `mien.metrics.groups` finds a gap that is there, and one that is not.

    python benchmarks/groups.py
    python benchmarks/groups.py --simulations 50

Each simulation draws people of two genders, five age bands and four ethnicities at random, gives
each person a chance of a right answer (a beta law: pictures of one person are right or wrong
together), and compares the groups of all four attributes, the fourth a band of the pose that
differs from picture to picture. In one half nothing but chance separates the groups; in the other
the accuracy of one gender is 10 points lower.
"""

from __future__ import annotations

import argparse
import time
from typing import NamedTuple

import numpy as np
import polars as pl

from mien.core.labels import CLASSES
from mien.metrics.groups import GroupSettings, gaps

SHARES = (0.3, 0.1, 0.08, 0.08, 0.2, 0.12, 0.12)
AGES = ("3-9", "10-19", "20-29", "40-49", "more than 70")
SETTINGS = GroupSettings(resamples=0, attributes=("gender", "age", "ethnicity", "yaw"))
"""Intervals are left out: no test depends on them."""


class World(NamedTuple):
    """What is drawn.

    Attributes:
        words: what the line says of it.
        people: of both genders together.
        pictures: of each.
        right: the accuracy on the found faces of women and of men.
        likeness: the correlation of right answers within a person, 0 to 1.
    """

    words: str
    people: int = 200
    pictures: int = 8
    right: tuple[float, float] = (0.8, 0.8)
    likeness: float = 0.1


WORLDS = (
    World("no gap"),
    World("no gap, few people", people=60),
    World("no gap, people much alike", people=60, likeness=0.4),
    World("no gap, people much alike, few errors", likeness=0.4, right=(0.95, 0.95)),
    World("no gap, three pictures a person", pictures=3, likeness=0.3),
    World("10 points", right=(0.7, 0.8), likeness=0.02),
    World("10 points", right=(0.7, 0.8)),
    World("10 points", people=400, right=(0.7, 0.8)),
    World("10 points, people much alike", people=400, right=(0.7, 0.8), likeness=0.3),
)


def draw(world: World, seed: int) -> pl.DataFrame:
    """Returns predictions as `mien evaluate` writes them."""
    rng = np.random.default_rng(seed)
    man = np.arange(world.people) % 2
    mean, strength = np.take(world.right, man), 1 / world.likeness - 1
    chance = rng.beta(mean * strength, (1 - mean) * strength)
    person = np.repeat(np.arange(world.people), world.pictures)
    n = len(person)
    label = rng.choice(len(CLASSES), n, p=SHARES)
    wrong = (label + rng.integers(1, len(CLASSES), n)) % len(CLASSES)
    answer = np.where(rng.random(n) < chance[person], label, wrong)
    missed = rng.random(n) < 0.02
    age, descent = rng.choice(len(AGES), world.people), rng.choice(4, world.people)
    return pl.DataFrame(
        {
            "role": ["test"] * n,
            "label": np.array(CLASSES)[label],
            "answer": [None if m else CLASSES[a] for a, m in zip(answer, missed, strict=True)],
            "missed": ["no face" if m else None for m in missed],
            "cluster": [f"person {i}" for i in person],
            "gender": np.array(["female", "male"])[man[person]],
            "age": np.array(AGES)[age[person]],
            "ethnicity": np.array(list("ABCD"))[descent[person]],
            "yaw": np.where(missed, np.nan, rng.normal(0, 20, n)),
        }
    )


def main() -> None:
    """Prints a line a world: how often any gap, and one of gender, was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--simulations", type=int, default=200, help="of each world")
    count = parser.parse_args().simulations
    print("| world | people | pictures | likeness | any gap | gender, accuracy | gender, any |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    start = time.perf_counter()
    for world in WORLDS:
        hits = np.zeros(3)
        for seed in range(count):
            found = gaps(draw(world, seed), SETTINGS).filter("found")
            gender = found.filter(pl.col("attribute") == "gender")
            accuracy = gender.filter(pl.col("figure") == "accuracy")
            hits += [not table.is_empty() for table in (found, accuracy, gender)]
        cells = [f"{share:.1%}" for share in hits / count]
        sizes = [str(world.people), str(world.people * world.pictures), str(world.likeness)]
        print("| " + " | ".join([world.words, *sizes, *cells]) + " |", flush=True)
    print(f"\n{count} simulations of each world, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
