"""The parts of a report that say how well the model does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Final

from mien.chains import card_text as words
from mien.chains.report_case import AGAIN, Case, not_measured
from mien.core.labels import CLASSES, titled
from mien.core.scores import Scores
from mien.metrics import tables
from mien.plots import exam as draw
from mien.plots.report_page import Block, Section, part_of
from mien.plots.risk import answered_from, risk_coverage

_EXTRA: Final = {
    "stress": ("stress.md", "curves.png", "Accuracy of each role as pictures get worse."),
    "explain": ("explain.md", "saliency.png", "What the network looks at."),
}
"""Stages that measure more: their page, their figure and what it shows."""
_COMMANDS: Final = {
    "stress": "mien stress --model MODEL --catalogue RUN/merge --faces RUN/crop "
    "--split RUN/split --out RUN/stress",
    "explain": "mien explain --model MODEL --faces RUN/crop --split RUN/split --out RUN/explain",
}


def all_figures(case: Case) -> Section:
    """Returns the figures of all roles and operating points, and what was counted."""
    note = (
        f"In brackets: 95 % intervals from {case.exam.resamples:,} bootstrap resamples of people "
        "(of pictures where people are not known). A picture in which no face was found counts as "
        "a wrong answer; log-likelihood, Brier score and calibration look at found faces."
    )
    return Section(
        "Figures of all roles",
        (
            tables.figures_table(case.exam),
            note,
            "### Recall of each class, shipped operating point",
            tables.classes_table(case.exam),
            "### What was counted",
            tables.counts_table(case.exam),
        ),
    )


def by_source(case: Case) -> Section:
    """Returns the figures of each source of each role."""
    title = "Figures by source"
    for found in case.exam.roles.values():
        if len(found.sources) > 1 and "source" not in found.points["shipped"].by_group:
            return Section(title, (not_measured(AGAIN),))  # an evaluation of before mien 1.1
    note = "Shipped operating point. Classes that a source does not hold are not in its mean."
    return Section(title, (tables.sources_table(case.exam), note))


def diagrams(case: Case) -> Section:
    """Returns the confusion matrix and the reliability diagram of each role."""
    blocks: list[Block] = []
    for role in case.roles:
        blocks.append(f"### {role}")
        if role not in case.exam.roles:
            blocks.append(f"{tables.NOT_MEASURED}.".capitalize())
            continue
        shipped = case.exam.roles[role].points["shipped"]
        title = f"{case.exam.model}, {role}\n{tables.caption(case.exam)}"
        matrix = draw.confusion(shipped, case.figures / f"confusion-{role}.png", title)
        curve = draw.reliability(shipped, case.figures / f"reliability-{role}.png", title)
        blocks += [
            case.picture(matrix, _said_of_confusion(role, shipped), f"Answers by label, {role}"),
            case.picture(curve, _said_of_reliability(role, shipped), f"Reliability, {role}"),
        ]
    return Section("Confusion and reliability", tuple(blocks))


def _said_of_confusion(role: str, scores: Scores) -> str:
    right = ", ".join(
        f"{titled(name)} {tables.percent(one.recall)} of {one.support:,}"
        for name, one in scores.per_class.items()
    )
    wrong = [
        (count, CLASSES[i], CLASSES[j])
        for i, row in enumerate(scores.confusion)
        for j, count in enumerate(row)
        if i != j and count
    ]
    worst = ", ".join(f"{n:,} of {a} as {b}" for n, a, b in sorted(wrong, reverse=True)[:3])
    return (
        f"Confusion matrix of {role}, {scores.n:,} pictures. Answered rightly: {right}. "
        f"Most often confused: {worst or 'nothing'}. No face found: {scores.n_missed:,}."
    )


def _said_of_reliability(role: str, scores: Scores) -> str:
    found = scores.calibration
    bins = "; ".join(
        f"{b.low:.2f} to {b.high:.2f}, {b.count:,} faces, {tables.percent(b.accuracy)} right"
        for b in found.bins
        if b.count
    )
    return (
        f"Reliability diagram of {role}. Expected calibration error {tables.percent(found.ece)}, "
        f"mean confidence {tables.percent(found.mean_confidence)}. By confidence: {bins}."
    )


def risk(case: Case) -> Section:
    """Returns what abstaining gains: risk against coverage."""
    threshold = case.spec.thresholds.low_confidence
    title = f"{case.exam.model}\n{tables.caption(case.exam)}"
    path = risk_coverage(case.exam, case.figures / "risk.png", title, threshold=threshold)
    rows = [
        ["answered", *(_at_threshold(case, role, "coverage") for role in case.roles)],
        ["wrong among the answered", *(_at_threshold(case, role, "risk") for role in case.roles)],
        ["wrong if all are answered", *(_at_threshold(case, role, "all") for role in case.roles)],
        ["mean risk over all coverages", *(_at_threshold(case, r, "area") for r in case.roles)],
    ]
    note = (
        f"Below a confidence of {threshold:.3f} the model abstains. The share of found faces that "
        "it answers from there on, and how many of those answers are wrong (at the nearest of the "
        "kept points of the curve):"
    )
    told = "; ".join(
        f"{role}: {_at_threshold(case, role, 'coverage')} answered, "
        f"{_at_threshold(case, role, 'risk')} of that wrong"
        for role in case.exam.roles
    )
    alt = f"Risk against coverage. From a confidence of {threshold:.3f} on, {told}."
    table = tables.markdown(["share", *case.roles], rows)
    return Section("Risk and coverage", (note, table, case.picture(path, alt)))


def _at_threshold(case: Case, role: str, what: str) -> str:
    if role not in case.exam.roles:
        return tables.NOT_MEASURED
    shipped = case.exam.roles[role].points["shipped"]
    curve = shipped.calibration.risk_coverage
    if what == "area":
        return tables.percent(shipped.calibration.aurc)
    if what == "all":
        return tables.percent(curve[-1].risk if curve else None)
    point = answered_from(shipped, case.spec.thresholds.low_confidence)
    if point is None:
        return "none" if what == "coverage" else "-"
    return tables.percent(point.coverage if what == "coverage" else point.risk)


def conditions(case: Case) -> Section:
    """Returns the accuracy by pose, light and quality, as `evaluate` wrote it."""
    text = case.text("evaluate", "conditions.md")
    return Section("Pose, light and quality", (case.part(text) if text else not_measured(AGAIN),))


def groups(case: Case) -> Section:
    """Returns the figures by group of people, as `evaluate` wrote them."""
    text = case.text("evaluate", "groups.md")
    if text is None:
        return Section("Groups of people", (not_measured(AGAIN),))
    blocks: list[Block] = [case.part(text)]
    if (case.scores / "groups.png").is_file():
        path = shutil.copyfile(case.scores / "groups.png", case.figures / "groups.png")
        alt = "Accuracy by group of people; the table above holds the numbers."
        blocks.append(case.picture(path, alt))
    return Section("Groups of people", tuple(blocks))


def stress(case: Case) -> Section:
    """Returns what worse pictures do to the figures, as `stress` wrote it."""
    return _extra(case, "stress", "Stress: worse pictures")


def explain(case: Case) -> Section:
    """Returns what the network looks at, as `explain` wrote it; with faces only if allowed."""
    return _extra(case, "explain", "Explanation: what it looks at", faces=True)


def _extra(case: Case, stage: str, title: str, *, faces: bool = False) -> Section:
    page, figure, alt = _EXTRA[stage]
    text = case.text(stage, page)
    if text is None:
        return Section(title, (not_measured(_COMMANDS[stage]),))
    blocks: list[Block] = [case.part(text)]
    source = case.stages[stage] / figure
    if source.is_file() and (case.with_images or not faces):
        path = shutil.copyfile(source, case.figures / f"{stage}.png")
        blocks.append(case.picture(path, f"{alt} The numbers stand in the text above."))
    elif source.is_file():
        blocks.append("Its picture shows faces and is left out; `--with-images` puts it in.")
    return Section(title, tuple(blocks))


def calibration(case: Case) -> Section:
    """Returns how confidence was made to mean something, and whether it does."""
    figures: dict[str, Callable[[Scores], str]] = {
        "expected calibration error": lambda scores: tables.cell(scores, "ece"),
        "mean confidence": lambda scores: tables.percent(scores.calibration.mean_confidence),
        "accuracy, a missed face being wrong": lambda scores: tables.cell(scores, "accuracy"),
        "negative log-likelihood": lambda scores: tables.cell(scores, "nll"),
        "Brier score": lambda scores: tables.cell(scores, "brier"),
    }
    rows = []
    for title, figure in figures.items():
        cells = [
            figure(case.exam.roles[role].points["shipped"])
            if role in case.exam.roles
            else tables.NOT_MEASURED
            for role in case.roles
        ]
        rows.append([title, *cells])
    table = tables.markdown(["shipped operating point", *case.roles], rows)
    note = (
        "A confidence of 0.8 should be right four times in five. Mean confidence above the "
        "accuracy is overconfidence, below it the reverse."
    )
    return Section("Calibration and choices", (note, table, part_of(words.choices(case.spec))))
