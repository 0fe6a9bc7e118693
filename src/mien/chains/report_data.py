"""The parts of a report that say what the model was made from, and how."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mien.chains import card_text as words
from mien.chains.card_measures import of_same_weights
from mien.chains.report_case import Case, not_found, not_measured
from mien.core import catalogue
from mien.core.origins import SOURCES, read_sources
from mien.core.spec import ModelSpec
from mien.metrics import tables
from mien.metrics.findings import KINDS
from mien.plots import curves
from mien.plots.counts import counts
from mien.plots.report_page import Block, Picture, Section, body_of, part_of, plain
from mien.runtimes.model import SPEC

RUN: Final = "mien report --model MODEL --scores RUN/evaluate --run RUN --out report.html"
_AUDIT: Final = "mien audit --catalogue RUN/merge --out RUN/audit"
_TOLD: Final = 20
"""How many pairs of parts with copies the audit's summary lists."""
_READ: Final = ("merge", "crop", "split")
"""The stages whose folders `evaluate` reads."""
_LINK: Final = re.compile(r"https?://[^\s<>|]+")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def data(case: Case) -> Section:
    """Returns how many pictures of each class each source gave, and what the stages counted."""
    blocks: list[Block] = []
    if "merge" in case.stages:
        rows = catalogue.select(case.stages["merge"], ("label", "dataset"))
        table = catalogue.count(rows)
        path = counts(table, case.figures / "counts.png")
        totals = ", ".join(f"{row['label']} {row['total']:,}" for row in table.to_dicts())
        blocks += [
            "Pictures by class and source, as they were merged:",
            catalogue.markdown(table.rename(plain)),
            Picture(path, f"Pictures by class: {totals}."),
        ]
    else:
        blocks.append(not_found("Pictures by class and source", RUN))
    made: dict[str, Any] = dict(case.made)
    if "merge" in made:  # its table is the one above
        told = {k: v for k, v in made["merge"].get("counts", {}).items() if k != "table"}
        made["merge"] = {**made["merge"], "counts": told}
    return Section("Data", (*blocks, part_of(words.data(case.spec, made))))


def strangers(case: Case) -> tuple[str, ...]:
    """Returns a warning where a stage's folder is not the one that model and scores came from."""
    read = set(case.made["evaluate"].get("inputs", {}).values())
    names = [
        name
        for name in _READ
        if name in case.made and read and case.made[name].get("digest") not in read
    ]
    names += ["stress"] if not of_same_weights(case.made.get("stress"), case.exam) else []
    described = case.stages["train"] / SPEC if "train" in case.stages else None
    if described is not None and described.is_file():
        found, spec = ModelSpec.read(described), case.spec
        if (found.network, found.training_prior) != (spec.network, spec.training_prior):
            names.append("train")
    if not names:
        return ()
    warning = (
        f"Careful: the folders of {', '.join(names)} that this report was given are not those that "
        "the model or its scores were made from. What is said of these stages describes others."
    )
    return (warning,)


def licences(case: Case) -> Section:
    """Returns what the owners of the data say about their use."""
    title = "Licences of the data"
    lines = [
        f"- Weights: {plain(case.spec.weight_licence)}.",
        f"- May what the training data gave be sold: **{case.spec.commercial_use}**.",
        *(f"- Trained on {plain(line)}." for line in case.spec.training_data),
    ]
    folder = case.stages.get("merge")
    if folder is None or not (folder / SOURCES).is_file():
        return Section(title, ("\n".join(lines), not_found("The sources' licences", RUN)))
    rows = []
    for name, source in sorted(read_sources(folder).items()):
        info = source.info
        place = f"<{info.url}>" if _LINK.fullmatch(info.url) else plain(info.url)
        told = (name, info.title, info.licence, info.commercial_use)
        rows.append([*map(plain, told), place, plain(info.citation)])
    heads = ["source", "title", "licence", "commercial use", "where to ask", "to cite"]
    return Section(title, ("\n".join(lines), tables.markdown(heads, rows, left=len(heads))))


def audit(case: Case) -> Section:
    """Returns what `audit` found doubtful in the data."""
    if "audit" not in case.made:
        return Section("Audit of the data", (not_measured(_AUDIT),))
    found = case.made["audit"].get("counts", {})
    rows = [
        [kind.replace("_", " "), KINDS.get(kind, ""), f"{number:,}"]
        for kind, number in sorted(found.get("findings", {}).items(), key=_place)
    ]
    blocks = [
        f"{found.get('pictures', 0):,} pictures were looked at.",
        tables.markdown(["finding", "what it means", "how many"], rows, left=2),
    ]
    crossing = [row for row in found.get("across", ()) if row["part"] != row["other_part"]]
    if crossing:
        crossing.sort(key=lambda row: -row["either"])
        names = ("part", "other_part", "pictures", "exact", "near", "either")
        lines = [
            [plain(row[n]) if isinstance(row[n], str) else f"{row[n]:,}" for n in names]
            for row in crossing[:_TOLD]
        ]
        heads = ["part", "other part", "pictures", "identical there", "near copy there", "either"]
        blocks += ["### Copies across parts", tables.markdown(heads, lines, left=2)]
    agreement = found.get("agreement")
    if agreement is None:
        blocks.append("Suspected wrong labels were not looked for.")
    else:
        blocks.append(
            f"The networks that looked for wrong labels agree with a share of {agreement:.3f} of "
            "all labels; the lower that is, the less their doubts mean."
        )
    return Section("Audit of the data", tuple(blocks))


def _place(item: tuple[str, int]) -> int:
    return list(KINDS).index(item[0]) if item[0] in KINDS else len(KINDS)


def training(case: Case) -> Section:
    """Returns the curves of the training and of the operating points it chose from."""
    folder = case.stages.get("train")
    if folder is None:
        return Section("Training", (not_found("The training", RUN),))
    blocks: list[Block] = []
    title = f"{case.exam.model}\n{tables.caption(case.exam)}"
    log, points = folder / "log.csv", folder / "operating_points.json"
    if log.is_file():
        path = curves.training(log, case.figures / "training.png", title)
        alt = f"Losses and accuracies of the training, epoch by epoch. {_last(log)}"
        blocks.append(case.picture(path, alt, "The training, epoch by epoch"))
    if points.is_file():
        path = curves.operating_points(points, case.figures / "operating-points.png", title)
        chosen = json.loads(points.read_bytes())["chosen"]
        told = ", ".join(
            f"{name.replace('_', ' ')} {chosen[name]:.3f}"
            for name in ("strength", "accuracy", "balanced_accuracy", "calibration_error")
        )
        alt = f"Figures on dev over the strength of the prior correction. Chosen: {told}."
        blocks.append(case.picture(path, alt, "The operating points it was chosen from, on dev"))
    return Section("Training", tuple(blocks) or ("The training kept no curves.",))


def _last(log: Path) -> str:
    """Returns the last line of a training's log in words."""
    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    told = ", ".join(
        f"{name.replace('_', ' ')} {value}"
        for name, value in rows[-1].items()
        if value and ("loss" in name or "accuracy" in name)
    )
    return f"Last of {len(rows)} epochs: {told}."


def origin(case: Case) -> Section:
    """Returns commands, versions, digests, seeds and settings behind the model and its figures."""
    commands = ("mien run run.toml", "mien card --model MODEL --scores RUN/evaluate --run RUN", RUN)
    text = body_of(words.origin(case.spec, case.model, dict(case.made), commands))
    settings = "\n\n".join(
        f"[{name}]\n{_section(meta['config'])}"
        for name, meta in case.made.items()
        if meta.get("config")
    )
    blocks = [text]
    if settings:
        note = (
            "What the stages were told, as a file for `mien run`. Folders are named without their "
            "place on the machine that they stood on; what is not set has its default."
        )
        blocks += ["### Settings of each stage", note, f"```toml\n{settings}\n```"]
    return Section("Where every number comes from", tuple(blocks))


def _section(config: Mapping[str, Any]) -> str:
    """Returns a stage's settings as the lines of a TOML section."""
    told = {k: v for k, v in config.items() if k != "described" and v is not None}
    return "\n".join(f"{_key(name)} = {_toml(value)}" for name, value in told.items())


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name)


def _toml(value: Any) -> str:
    """Returns a value from JSON in the notation of TOML, which knows no null."""
    if isinstance(value, Mapping):
        told = [f"{_key(name)} = {_toml(one)}" for name, one in value.items() if one is not None]
        return "{ " + ", ".join(told) + " }" if told else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str) and Path(value).is_absolute():
        value = Path(value).name
    return json.dumps(value, ensure_ascii=False)
