"""An exam as text: no figure of a known source stands without the one of unseen sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mien.core.labels import CLASSES, titled
from mien.core.scores import METRICS, POINTS, UNSEEN, Exam, Interval, Scores

ROLES: Final = ("train", "dev", "test", UNSEEN)
NOT_MEASURED: Final = "unseen sources: not measured"
_PLAIN: Final = ("nll", "brier")
_TITLES: Final = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "balanced_accuracy_frequent": "balanced accuracy, classes of {} or more",
    "macro_f1": "macro F1",
    "top2": "among the top two",
    "nll": "negative log-likelihood",
    "brier": "Brier score",
    "ece": "expected calibration error",
}
_POINT_TITLES: Final = {
    "shipped": "shipped",
    "natural": "natural (the training data's class shares)",
    "balanced": "balanced (equal class shares)",
}


def headline(exam: Exam) -> str:
    """Returns the exam in one line: every role that was measured, at the shipped point."""
    parts = []
    for role in _roles(exam):
        if role not in exam.roles:
            parts.append(NOT_MEASURED)
            continue
        scores = exam.roles[role].points["shipped"]
        names = ["accuracy", "balanced_accuracy"]
        if role == UNSEEN:
            names = ["balanced_accuracy_frequent", "accuracy"]
        figures = ", ".join(f"{_figure_title(n, scores)} {cell(scores, n)}" for n in names)
        parts.append(f"{role} ({size(exam, role)}): {figures}")
    return f"{exam.model} | " + " | ".join(parts)


def caption(exam: Exam) -> str:
    """Returns the accuracies of all roles, short enough to stand above a figure of one."""
    found = [role for role in _roles(exam) if role in exam.roles]
    overall = {role: exam.roles[role].points["shipped"].overall for role in found}
    words = ", ".join(f"{role} {percent(overall[role]['accuracy'])}" for role in found)
    return f"accuracy: {words}" + ("" if UNSEEN in found else f"\n{NOT_MEASURED}")


def figures_table(exam: Exam, metrics: Sequence[str] = METRICS) -> str:
    """Returns a Markdown table: operating points and figures down, roles across."""
    roles = _roles(exam)
    heads = [f"{r} ({size(exam, r)})" if r in exam.roles else r for r in roles]
    rows = []
    for point in POINTS:
        for name in metrics:
            cells = [
                cell(exam.roles[r].points[point], name) if r in exam.roles else NOT_MEASURED
                for r in roles
            ]
            title = _figure_title(name, next(iter(exam.roles.values())).points[point])
            rows.append([_POINT_TITLES[point], title, *cells])
    return markdown(["operating point", "figure", *heads], rows, left=2)


def classes_table(exam: Exam, point: str = "shipped") -> str:
    """Returns a Markdown table: the recall of each class, with its pictures, for each role."""
    roles = _roles(exam)
    rows = []
    for name in CLASSES:
        cells = []
        for role in roles:
            if role not in exam.roles:
                cells.append(NOT_MEASURED)
                continue
            scores = exam.roles[role].points[point]
            interval = scores.intervals.get(f"recall.{name}")
            one = scores.per_class[name]
            cells.append(f"{percent(one.recall, interval)} of {one.support:,}")
        rows.append([titled(name), *cells])
    return markdown(["class", *(f"{role} recall" for role in roles)], rows)


def sources_table(exam: Exam) -> str:
    """Returns a Markdown table: accuracy and balanced accuracy of each source of each role."""
    silent = UNSEEN not in exam.roles
    rows = []
    for role in [role for role in ROLES if role in exam.roles]:
        found, shipped = exam.roles[role], exam.roles[role].points["shipped"]
        parts = shipped.by_group.get("source") or {next(iter(found.sources)): shipped}
        if len(parts) > 1:
            parts = {**parts, "together": shipped}
        for name, scores in parts.items():
            figures = [cell(scores, "accuracy"), cell(scores, "balanced_accuracy")]
            rows.append([role, name, f"{scores.n:,}", *figures, *([NOT_MEASURED] * silent)])
    heads = ["role", "source", "pictures", "accuracy", "balanced accuracy", *([UNSEEN] * silent)]
    return markdown(heads, rows, left=2)


def counts_table(exam: Exam) -> str:
    """Returns a Markdown table of what each role held, missed and left out."""
    rows = [
        [
            role,
            f"{found.points['shipped'].n:,}",
            f"{found.subjects:,}" if found.subjects else "not known",
            _counted(found.sources),
            _counted(found.missed),
            _counted(found.not_scored),
        ]
        for role, found in sorted(exam.roles.items(), key=lambda item: ROLES.index(item[0]))
    ]
    if UNSEEN not in exam.roles:
        rows.append([UNSEEN, *["not measured"] * 5])
    heads = "role|scored pictures|people|sources|no face (counted as wrong)|not scored".split("|")
    return markdown(heads, rows)


def page(exam: Exam) -> str:
    """Returns the exam as a Markdown page."""
    prior = exam.prior if isinstance(exam.prior, str) else shares(exam.prior)
    notes = (
        f"In brackets: 95 % intervals from {exam.resamples:,} bootstrap resamples of people (of "
        "pictures where people are not known). A picture in which no face was found counts as a "
        "wrong answer; log-likelihood, Brier score and calibration look at found faces. The "
        f"shipped operating point assumes the class shares: {prior}. All points use the shipped "
        f"temperature, {exam.temperature:.3f}."
    )
    parts = [
        f"# Scores of {exam.model}",
        headline(exam),
        figures_table(exam),
        notes,
        "## Recall of each class at the shipped operating point",
        classes_table(exam),
        "## Each source, at the shipped operating point",
        sources_table(exam),
        "## What was counted",
        counts_table(exam),
    ]
    return "\n\n".join(parts) + "\n"


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Returns a Markdown table whose first ``left`` columns stand left, the others right."""
    rules = ["---"] * left + ["---:"] * (len(heads) - left)
    lines = [heads, rules, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cell(scores: Scores, metric: str) -> str:
    """Returns an overall figure with its interval, such as ``"82.1 % [80.7, 83.4]"``."""
    value, interval = scores.overall[metric], scores.intervals.get(metric)
    if metric not in _PLAIN:
        return percent(value, interval)
    if value is None:
        return "-"
    return f"{value:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def percent(value: float | None, interval: Interval | None = None) -> str:
    """Returns a share as per cent with its interval; ``"-"`` where there is none."""
    if value is None:
        return "-"
    bounds = f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else ""
    return f"{100 * value:.1f} %{bounds}"


def size(exam: Exam, role: str) -> str:
    """Returns how many pictures and people a role has, such as ``"n = 900, 120 people"``."""
    found = exam.roles[role]
    people = f", {found.subjects:,} people" if found.subjects else ""
    return f"n = {found.points['shipped'].n:,}{people}"


def shares(prior: Mapping[str, float]) -> str:
    """Returns class shares in words, such as ``"neutral 0.330, anger 0.091"``."""
    return ", ".join(f"{name} {share:.3f}" for name, share in prior.items())


def _roles(exam: Exam) -> list[str]:
    return [role for role in ROLES if role in exam.roles or role == UNSEEN]


def _figure_title(metric: str, scores: Scores) -> str:
    return _TITLES[metric].format(scores.min_class_count)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items())) or "0"
