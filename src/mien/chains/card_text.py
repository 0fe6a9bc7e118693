"""The words of a model card, section by section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mien.core.labels import CLASSES
from mien.core.scores import Exam
from mien.core.spec import ModelSpec
from mien.metrics import tables

CARD: Final = "MODEL_CARD.md"
_SHOWN: Final = (
    "accuracy",
    "balanced_accuracy",
    "balanced_accuracy_frequent",
    "macro_f1",
    "top2",
    "ece",
)

_WHAT: Final = """\
{name} names the **apparent expression** of a face in a still picture: one of {classes}, with a
calibrated probability for each. It says what a face looks like to the people who labelled the
training pictures. It does not say what a person feels: expressions differ between people,
situations and cultures, and a scowl often means something other than anger (Barrett et al. 2019).

| | |
|---|---|
| network | {network} |
| input | {size} x {size} pixels, {colour}, cut by `mien` around five landmarks |
| output | seven logits, made probabilities by the operating point and temperature in `spec.json` |
| licence of the weights | {licence} |
| commercial use of what the training data gave | {commercial} |
"""
USE: Final = """\
## Intended use

Research on facial expression recognition and its limits; sorting and searching pictures that one
may use; study of data sets; teaching. A person looks at what matters.

## Not to be used

- To infer emotions of people at work or in education. In the European Union this is a prohibited
  practice (Regulation (EU) 2024/1689, Article 5(1)(f), with narrow exceptions for medical or
  safety reasons that this model does not meet); calling the output "apparent expression" does not
  change that.
- To decide about people: hiring, grading, credit, insurance, policing, migration, access.
- To detect lies, intent, character, sexual orientation, health or any other inner state.
- For medical purposes, or where safety depends on the answer.
- On people who have not been told. Where the law allows a use at all, Article 50(3) of the same
  regulation asks that those exposed be informed; data protection law applies besides.
"""
_FER: Final = """\
The pictures are those of FER2013 (Goodfellow et al. 2013), collected from the internet. **The
rights in these pictures are not cleared**: neither the photographers nor the people shown were
asked, and no licence covers them. The labels are the crowd votes of FER+ (Barsoum et al. 2016).
Check what this means for you before commercial use; mien cannot grant what it does not have.
"""
_DEV: Final = """\
## Choices, made on `dev` only

`dev` is a part of the training sources that the network was not trained on and that shares no
picture or near duplicate with what it was trained on. No choice looked at the test or the unseen
role.
"""
_LIMITS: Final = """\
## Limits

- {training}
- {groups}
- The figures of unseen sources are the better guide to other people's photographs than those of
  the test role, whose pictures come from the same collection as the training's.
- Rare classes (disgust, fear) rest on few pictures: read their intervals.
- Side views, covered faces, strong shadows, drawings and faces of small children were not
  examined apart.
- Confidence is calibrated on pictures like the training's; elsewhere it is too high or too low by
  as much as the calibration error of the unseen role says.
"""
_NO_GROUPS: Final = """\
Performance by gender, age, skin colour or origin is **not measured**: the data state no such
  attributes, and mien predicts none. Expect differences."""
_GROUPS: Final = """\
Performance by {} stands above, for what data sets state and for groups that are large enough.
  Whatever else people differ in is **not measured**. Expect differences."""


def what(spec: ModelSpec) -> str:
    """Returns what the model is and what it is not."""
    return _WHAT.format(
        name=spec.name,
        classes=", ".join(CLASSES),
        network=spec.network,
        size=spec.preprocess.input_size,
        colour="grey" if spec.preprocess.colour == "grey" else "colour",
        licence=spec.weight_licence,
        commercial=spec.commercial_use,
    )


def data(spec: ModelSpec, made: Mapping[str, Any]) -> str:
    """Returns the sources, their rights, the splits and what was taken out."""
    lines = ["## Training data", ""]
    lines += [f"- {source}" for source in spec.training_data] or ["- not stated"]
    if spec.catalogue_digest:
        lines.append(f"- catalogue, sha256: `{spec.catalogue_digest}`")
    if _from_fer(spec):
        lines += ["", _FER.strip()]
    for name in ("merge", "crop", "split", "train"):
        if name in made:
            lines += ["", f"### What `{name}` counted", "", *_listed(made[name].get("counts", {}))]
    return "\n".join(lines)


def choices(spec: ModelSpec) -> str:
    """Returns how the operating point, the temperature and the threshold came about."""
    prior = spec.prior
    shares = prior if isinstance(prior, str) else tables.shares(prior)
    trained = tables.shares(dict(zip(CLASSES, spec.training_prior, strict=True)))
    threshold, risk = spec.thresholds.low_confidence, spec.thresholds.risk
    stated = "" if risk is None else f", so that at most {risk:.0%} of its other answers were wrong"
    lines = [
        f"- Operating point: the model assumes the class shares: {shares}.",
        f"- Class shares in training: {trained}.",
        f"- Temperature: {spec.temperature:.3f} (Guo et al. 2017).",
        f"- Below a confidence of {threshold:.3f} it abstains (`low_confidence`){stated}.",
    ]
    limits = spec.thresholds.limits()
    if limits:
        said = ", ".join(f"{name} {value:g}" for name, value in limits.items())
        lines.append(f"- It abstains, too, as `extreme_pose` or `low_quality`, beyond: {said}.")
    return _DEV + "\n" + "\n".join(lines)


def figures(exam: Exam) -> str:
    """Returns the figures of every role side by side, at every operating point."""
    notes = (
        f"In brackets: 95 % intervals, {exam.resamples:,} bootstrap resamples of people (of "
        "pictures where people are not known). A picture in which no face was found counts as a "
        "wrong answer."
    )
    parts = [
        "## Figures",
        tables.figures_table(exam, _SHOWN),
        notes,
        "### Recall of each class, shipped operating point",
        tables.classes_table(exam),
        "### What was counted",
        tables.counts_table(exam),
    ]
    return "\n\n".join(parts)


def limits(spec: ModelSpec, attributes: Sequence[str] = ()) -> str:
    """Returns what the figures do not say.

    Args:
        spec: the model's description.
        attributes: what figures by group of people were measured for.
    """
    fer = "The training pictures are 48 x 48 pixels and grey; detail and colour teach it nothing."
    other = f"The network sees {spec.preprocess.input_size} pixels a side and no more."
    groups = _GROUPS.format(", ".join(attributes)) if attributes else _NO_GROUPS
    return _LIMITS.format(training=fer if _from_fer(spec) else other, groups=groups)


def origin(spec: ModelSpec, model: Path, made: Mapping[str, Any], commands: Sequence[str]) -> str:
    """Returns the commands, versions and checksums behind the model and its figures."""
    lines = ["## Where every number comes from", "", "```sh", *commands, "```", ""]
    rows = [
        [name, _plain(meta.get("seed")), f"`{meta.get('digest')}`"] for name, meta in made.items()
    ]
    if rows:
        lines += [tables.markdown(["stage", "seed", "sha256 of the result"], rows, 3), ""]
        lines += [*_versions(made), ""]
    files = [
        [f"`{name}`", f"{(model / name).stat().st_size:,}", f"`{sha}`"]
        for name, sha in sorted(spec.files.items())
        if name != CARD
    ]
    lines += [tables.markdown(["file", "bytes", "sha256"], files)]
    return "\n".join(lines)


def _from_fer(spec: ModelSpec) -> bool:
    return any("fer" in source.lower() for source in spec.training_data)


def _versions(made: Mapping[str, Any]) -> list[str]:
    """Returns the versions that the stages ran with, each set of them once."""
    stages: dict[str, list[str]] = {}
    for name, meta in made.items():
        found = ", ".join(f"{k} {v}" for k, v in meta.get("versions", {}).items())
        stages.setdefault(found or "not stated", []).append(name)
    return [f"- Versions behind {', '.join(names)}: {found}." for found, names in stages.items()]


def _listed(counts: Mapping[str, Any]) -> list[str]:
    """Returns a stage's counts as Markdown: plain ones as a list, tables as tables."""
    lines, after = [], []
    for name, value in counts.items():
        if isinstance(value, Mapping):
            lines.append(f"- {name}: " + ", ".join(f"{k} {_plain(v)}" for k, v in value.items()))
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            # JSON keeps no order of columns: words first, as what the numbers are about.
            heads = sorted(value[0], key=lambda k: (isinstance(value[0][k], int | float), k))
            rows = [[_plain(row[head]) for head in heads] for row in value]
            words = sum(not isinstance(value[0][head], int | float) for head in heads)
            after += ["", f"{name}:", "", tables.markdown(heads, rows, words)]
        else:
            lines.append(f"- {name}: {_plain(value)}")
    return lines + after


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{k} {_plain(v)}" for k, v in value.items()) + ")"
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or "none"
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
