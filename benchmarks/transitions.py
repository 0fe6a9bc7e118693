"""Are changes of expression found? Simulated people whose changes are known, raw and smoothed.

    python benchmarks/transitions.py CATALOGUE FACES SPLIT [--model mien-ferplus-1.0]
        [--seeds 20] [--rate 25] [--held 0.2 0.5] [--plot transitions.png]

CATALOGUE, FACES and SPLIT are the folders that 'mien merge', 'mien crop' and 'mien split' wrote. A
simulated person shows one class for 1 to 4 s, then any other one, all six equally often. A segment
shows a real chip of its class for 0.2 to 0.5 s, then another chip of that class, and so on. That
the model's errors last so long is assumed; of a real person it may err all through a segment, which
no smoothing mends (``--held 4 4`` shows one chip a segment). Each frame varies its chip in
brightness, place, sharpness and noise. Two people cross each other every five seconds; the one
behind is not found meanwhile. Of all frames 5 % are missing; of all faces 10 % are not found, nor
is each person for half a second in every ten; 2 % of the frames show a face where there is none.
Boxes tremble by 2 %.

The correlation of errors (which gives the tempering exponent), the time that classes last, the
least duration, and how sure a live event must be are chosen on chips of the role train, which the
model has learned from and is surer of than it should be. What is printed is of the role dev, with
these and with the defaults. An event counts where both classes are right and its onset is within
0.5 s. The delay is from a true onset to the telling, of the live events that count. Changes a
minute are counted in the class that is shown: live, that of the last event told.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from mien.core import catalogue as tables
from mien.core.catalogue import KEY
from mien.core.chips import stored_chip
from mien.core.exam_sets import placed_rows
from mien.core.labels import CLASSES
from mien.core.timeline import Event, Reals, Timeline
from mien.core.types import BBox, Face, Floats, Image, Prediction
from mien.metrics.bootstrap import bootstrap
from mien.metrics.timeline import EventScores, delays, event_scores, flicker
from mien.plots.timeline import timelines
from mien.runtimes.model import DEFAULT, Model
from mien.tracking import events
from mien.tracking.dynamics import Dynamics
from mien.tracking.follow import Follower, Following, Frame, LiveFollower
from mien.tracking.hidden_markov import Chain, Stream, Window, smoothed

PER_CLASS, VARIANTS, SECONDS = 60, 6, 30.0
TUNING_SEEDS = range(1000, 1006)
GRID = {
    "correlation": (0.05, 0.1, 0.2, 0.3),
    "dwell": (1.0, 2.0, 4.0),
    "minimum": (0.2, 0.3, 0.4),
    "sure": (0.7, 0.8, 0.9, 0.95),
}
MOST_DELAY, SPAN = 0.5, 0.5
Bank = list[Floats]
"""For each class, probabilities (chips, variants, 7)."""
Shown = tuple[int, Sequence[Event], Reals, Reals]
"""The true person of a track, what was told, times (n,), and the class shown then (n,): 0 to 6, or
-1 before there is any."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A simulated video: its frames, each person's true events, and whose each box is."""

    frames: list[Frame]
    truth: list[list[Event]]
    whose: dict[tuple[float, tuple[float, ...]], int]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one way reached in one scene.

    Attributes:
        scores: of the events of both people.
        delays: (m,) seconds until they were told.
        beyond: changes a minute beyond the true ones, the mean of both people.
    """

    scores: EventScores
    delays: Reals
    beyond: float


def main() -> None:
    """Reads the command line, fixes the parameters on train, prints the table of dev."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("faces", type=Path)
    parser.add_argument("split", type=Path)
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rate", type=float, default=25.0)
    parser.add_argument("--held", type=float, nargs=2, default=(0.2, 0.5))
    parser.add_argument("--plot", type=Path)
    wanted = parser.parse_args()
    model = Model(wanted.model, threads=1)
    prior = tuple(model.spec.target_prior().astype(float).tolist())
    folders = (wanted.catalogue, wanted.faces, wanted.split)
    settings = tuned(bank(model, *folders, "train"), prior, wanted)
    found = bank(model, *folders, "dev")
    right = [float((one.argmax(2) == label).mean()) for label, one in enumerate(found)]
    words = [f"{n} {r:.2f} ({len(c)})" for n, c, r in zip(CLASSES, found, right, strict=True)]
    print(f"dev, share of varied chips named rightly (chips): {', '.join(words)}")
    stated = Following(chain=Chain(prior=prior))
    report([compared(found, seed, wanted, settings, stated) for seed in range(wanted.seeds)])


def bank(model: Model, catalogue: Path, faces: Path, split: Path, role: str) -> Bank:
    """Returns the model's probabilities for varied chips of a role, a class each."""
    rows = placed_rows(catalogue, split, [role]).filter(pl.col("label").is_in(CLASSES))
    drawn = [
        some.sample(min(PER_CLASS, len(some)), seed=0)
        for _, some in rows.sort(KEY).group_by("label", maintain_order=True)
    ]
    wanted = pl.concat(drawn).select(*KEY, "label")
    rng = np.random.default_rng(0)
    found: list[list[Floats]] = [[] for _ in CLASSES]
    for shard in tables.read_faces(faces, [*KEY, "chip"]):
        mine = shard.join(wanted, on=KEY, how="inner").unique(
            KEY, keep="first", maintain_order=True
        )
        for png, path, label in zip(
            mine["chip"].struct["bytes"], mine["path"], mine["label"], strict=True
        ):
            chip = stored_chip(png, path)
            chips = np.stack([varied(chip, rng) for _ in range(VARIANTS)])
            found[CLASSES.index(label)].append(model.probabilities(chips))
    return [np.stack(some) for some in found]


def varied(chip: Image, rng: np.random.Generator) -> Image:
    """Returns a chip with other brightness, place, sharpness and noise, as the next frame has."""
    shift = np.array([[1, 0, rng.normal(0, 4)], [0, 1, rng.normal(0, 4)]], np.float32)
    moved = cv2.warpAffine(chip, shift, chip.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    blurred = cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.3, 2.0))
    lit = blurred * rng.uniform(0.85, 1.15) + rng.normal(0, 8) + rng.normal(0, 4, chip.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


def simulated(chips: Bank, seed: int, wanted: argparse.Namespace) -> Scene:
    """Returns a scene of two people from the chips of a role, at the wanted rate and holding."""
    rng = np.random.default_rng(seed)
    times = np.arange(0, SECONDS, 1 / wanted.rate)
    acts = [acted(chips, times, wanted.held, rng) for _ in range(2)]
    frames: list[Frame] = []
    whose: dict[tuple[float, tuple[float, ...]], int] = {}
    lost = [rng.uniform(0, 9.5, 3) + np.arange(0, 30, 10) for _ in range(2)]
    for number, time in enumerate(times.tolist()):
        if rng.random() < 0.05:
            continue
        boxes = [placed(time, person, rng) for person in range(2)]
        seen = []
        for person, box in enumerate(boxes):
            away = ((lost[person] <= time) & (time < lost[person] + 0.5)).any()
            behind = person == 1 and box.iou(boxes[0]) > 0.4
            if not (away or behind or rng.random() < 0.1):
                whose[time, box.as_tuple()] = person
                seen.append(predicted(box, acts[person][1][number]))
        if rng.random() < 0.02:
            x, y = rng.uniform(0, 600), rng.uniform(0, 300)
            row = chips[rng.integers(7)][0, 0]
            seen.append(predicted(BBox(x, y, x + 80, y + 80), row))
        order = rng.permutation(len(seen))
        frames.append((time, [seen[i] for i in order]))
    truth = [changes(times, labels, person) for person, (labels, _) in enumerate(acts)]
    return Scene(frames, truth, whose)


def acted(
    chips: Bank, times: Reals, hold: Sequence[float], rng: np.random.Generator
) -> tuple[Reals, Floats]:
    """Returns a person's true classes (n,) and what the model says of each frame (n, 7)."""
    labels, rows = np.zeros(len(times)), np.zeros((len(times), 7), np.float32)
    label, until, chip, held = 0, rng.uniform(1, 4), 0, 0.0
    for place, time in enumerate(times):
        if time >= until:
            label = int(rng.choice([c for c in range(7) if c != label]))
            until, held = until + rng.uniform(1, 4), 0.0
        if time >= held:
            chip, held = int(rng.integers(len(chips[label]))), time + rng.uniform(*hold)
        labels[place] = label
        rows[place] = chips[label][chip, rng.integers(VARIANTS)]
    return labels, rows


def placed(time: float, person: int, rng: np.random.Generator) -> BBox:
    """Returns where a person's face is found: they walk to and fro, in opposite directions."""
    side = (120, 100)[person]
    sign = (1, -1)[person]
    x = 320 + sign * 220 * np.sin(2 * np.pi * time / 10) + rng.normal(0, 0.02 * side)
    y = 200 + sign * 8 + rng.normal(0, 0.02 * side)
    half = side * rng.normal(1, 0.02) / 2
    return BBox(float(x - half), float(y - half), float(x + half), float(y + half))


def predicted(box: BBox, row: Floats) -> Prediction:
    """Returns a prediction for a face."""
    best = int(row.argmax())
    face = Face(box, 1.0, "simulated")
    return Prediction(
        "", 0, "", face, probabilities=row, expression=CLASSES[best], confidence=float(row[best])
    )


def changes(times: Reals, labels: Reals, person: int) -> list[Event]:
    """Returns the true events of a person."""
    rows = np.eye(7)[labels.astype(int)]
    return list(events.events(times, rows, rows, person, 0))


def tuned(chips: Bank, prior: tuple[float, ...], wanted: argparse.Namespace) -> Following:
    """Returns the settings with the best mean F1, offline and live, on chips of train."""
    scenes = [simulated(chips, seed, wanted) for seed in TUNING_SEEDS]
    people = [
        (one, scene.truth[owner])
        for scene in scenes
        for owner, one in owned(scene, followed(scene, Following()))
    ]
    found: list[tuple[float, Following]] = []
    for correlation, dwell in itertools.product(GRID["correlation"], GRID["dwell"]):
        chain = Chain(Dynamics.stated(dwell, dwell), prior, correlation)
        rows = [smoothed(one.times, one.raw, chain) for one, _ in people]
        windows = [streamed(one, chain) for one, _ in people]
        for minimum in GRID["minimum"]:
            offline = EventScores(0, 0, 0)
            for (one, true), row in zip(people, rows, strict=True):
                offline += event_scores(true, events.events(one.times, one.raw, row, 0, minimum))
            for sure in GRID["sure"]:
                live, delay = lively([true for _, true in people], windows, minimum, sure)
                if delay <= MOST_DELAY:
                    settings = Following(chain=chain, minimum=minimum, sure=sure)
                    found.append(((offline.f1 + live.f1) / 2, settings))
    score, settings = max(found, key=lambda pair: pair[0])
    chain = settings.chain
    exponent = f"{chain.exponent(1 / wanted.rate):.3f} at {wanted.rate:g} frames/s"
    print(
        f"fixed on train: correlation {chain.correlation} s (exponent {exponent}), a class lasts "
        f"{chain.dynamics.dwell[0]} s, least duration {settings.minimum} s, sure from "
        f"{settings.sure}; mean F1 there {score:.3f}",
        flush=True,
    )
    return settings


def lively(
    truth: Sequence[list[Event]], windows: Sequence[list[Window]], minimum: float, sure: float
) -> tuple[EventScores, float]:
    """Returns the score of live events, and their median delay in seconds."""
    scores, waited = EventScores(0, 0, 0), []
    for true, some in zip(truth, windows, strict=True):
        teller = events.Live(0, minimum, sure)
        told = [event for window in some for event in teller.update(window).begun]
        scores += event_scores(true, told)
        waited.append(delays(true, told))
    return scores, float(np.median(np.concatenate(waited)))


def streamed(one: Timeline, chain: Chain) -> list[Window]:
    """Returns the windows of a person's stream."""
    stream = Stream(chain)
    return [stream.update(float(t), row) for t, row in zip(one.times, one.raw, strict=True)]


def followed(scene: Scene, settings: Following) -> list[Timeline]:
    """Returns the people of a scene, followed with all frames at hand."""
    follower = Follower(settings)
    over = [one for time, seen in scene.frames for one in follower.update(time, seen)]
    return sorted([*over, *follower.finish()], key=lambda one: one.person)


def owned(scene: Scene, people: Sequence[Timeline]) -> list[tuple[int, Timeline]]:
    """Returns each timeline with the true person that most of its boxes belong to."""
    found = []
    for one in people:
        owners = owners_of(scene, one)
        if owners:
            found.append((Counter(owners).most_common(1)[0][0], one))
    return found


def owners_of(scene: Scene, one: Timeline) -> list[int]:
    """Returns the true person of each box of a timeline; false faces are left out."""
    keys = zip(one.times.tolist(), map(tuple, one.boxes.tolist()), strict=True)
    return [scene.whose[key] for key in keys if key in scene.whose]


WAYS = (
    "single frames", "single frames, least duration", "mean over 0.5 s, least duration",
    "HMM offline", "HMM live", "HMM offline, defaults", "HMM live, defaults",
)  # fmt: skip


def compared(
    chips: Bank, seed: int, wanted: argparse.Namespace, settings: Following, stated: Following
) -> tuple[tuple[int, int], dict[str, Figures]]:
    """Returns people and changes of owner in one scene, and the figures of each way."""
    scene = simulated(chips, seed, wanted)
    found: dict[str, list[Shown]] = {way: [] for way in WAYS}
    people = owned(scene, followed(scene, settings))
    if seed == 0 and wanted.plot:
        timelines([one for _, one in people], wanted.plot, "simulated people")
    for owner, one in people:
        seen = ~np.isnan(one.raw).any(axis=1)
        times, raw = one.times[seen], one.raw[seen]
        for way, rows, minimum in (
            (WAYS[0], raw, 0.0),
            (WAYS[1], raw, settings.minimum),
            (WAYS[2], averaged(times, raw), settings.minimum),
        ):
            made = events.events(times, raw, rows, one.person, minimum)
            found[way].append((owner, made, times, leading(times, rows, minimum)))
    for label, these in (("", settings), (", defaults", stated)):
        shown = live(scene, these)
        for owner, one in owned(scene, followed(scene, these)):
            leads = leading(one.times, one.smoothed, these.minimum)
            found[f"HMM offline{label}"].append((owner, one.events, one.times, leads))
            found[f"HMM live{label}"].append((owner, *shown[one.person]))
    switches = sum(int(np.count_nonzero(np.diff(owners_of(scene, one)))) for _, one in people)
    return (len(people), switches), {way: figures(scene, some) for way, some in found.items()}


def leading(times: Reals, rows: Reals, minimum: float) -> Reals:
    """Returns the class (n,) of each frame's segment."""
    found = events.segments(times, rows, minimum)
    return np.concatenate([np.full(one.end - one.first, one.label) for one in found])


def live(scene: Scene, settings: Following) -> dict[int, tuple[list[Event], Reals, Reals]]:
    """Returns what was told live of each person: events, and the class shown at each frame."""
    follower = LiveFollower(settings)
    told: dict[int, list[Event]] = {}
    shown: dict[int, list[tuple[float, int]]] = {}
    for time, seen in scene.frames:
        moment = follower.update(time, seen)
        for event in moment.begun:
            told.setdefault(event.person, []).append(event)
        for now in moment.people:
            label = -1 if now.expression is None else CLASSES.index(now.expression)
            shown.setdefault(now.person, []).append((time, label))
    return {
        person: (told.get(person, []), *np.array(rows, np.float64).T)
        for person, rows in shown.items()
    }


def averaged(times: Reals, rows: Reals) -> Reals:
    """Returns the mean (n, 7) of the rows within half a second around each frame."""
    low = np.searchsorted(times, times - SPAN / 2 - 1e-9)
    high = np.searchsorted(times, times + SPAN / 2 + 1e-9)
    sums = np.vstack([np.zeros(rows.shape[1]), rows.cumsum(axis=0)])
    return (sums[high] - sums[low]) / (high - low)[:, None]


def figures(scene: Scene, found: Sequence[Shown]) -> Figures:
    """Returns what one way reached, of both people."""
    scores, waited, beyond = EventScores(0, 0, 0), [], []
    for person, true in enumerate(scene.truth):
        mine = [one for one in found if one[0] == person]
        made = [event for one in mine for event in one[1]]
        scores += event_scores(true, made)
        waited.append(delays(true, made))
        times, answers = (np.concatenate([one[k] for one in mine]) for k in (2, 3))
        beyond.append(flicker(times, answers, len(true)))
    return Figures(scores, np.concatenate(waited), float(np.mean(beyond)))


def report(scenes: Sequence[tuple[tuple[int, int], dict[str, Figures]]]) -> None:
    """Prints the table."""
    people, switches = np.array([tracks for tracks, _ in scenes]).T
    print(
        f"people found a scene: {people.mean():.2f} (2 are there); a track went over to the other "
        f"person {switches.sum()} times in {len(scenes)} scenes\n"
    )
    base = np.array([found[WAYS[0]].scores.f1 for _, found in scenes])
    print(
        "| way | precision | recall | F1 | F1 beyond single frames | median delay | "
        "changes a minute too many |\n|---|---:|---:|---:|---:|---:|---:|"
    )
    for way in WAYS:
        some = [found[way] for _, found in scenes]
        gain = np.array([one.scores.f1 for one in some]) - base
        rows = np.stack([gain, np.ones(len(gain))], axis=1)
        low, high = bootstrap(rows, [None] * len(gain), lambda sums: sums[:, :1] / sums[:, 1:])
        parts = [[one.scores.precision, one.scores.recall, one.scores.f1] for one in some]
        cells = [f"{value:.3f}" for value in np.mean(parts, axis=0)]
        waited = np.concatenate([one.delays for one in some])
        delay = f"{np.median(waited):.2f} s" if len(waited) else "-"
        beyond = "-" if way == WAYS[0] else f"{gain.mean():+.3f} [{low[0]:+.3f}, {high[0]:+.3f}]"
        flickers = float(np.mean([one.beyond for one in some]))
        print(f"| {way} | {' | '.join(cells)} | {beyond} | {delay} | {flickers:+.1f} |")


if __name__ == "__main__":
    main()
