"""`card`: a model and its scores -> ``MODEL_CARD.md``, in the format of Hugging Face."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mien.chains import card_text as words
from mien.chains.card_measures import (
    groups_of_people,
    groups_part,
    measured,
    of_same_weights,
    stress_line,
)
from mien.chains.card_text import CARD
from mien.core.artifact import META, atomic, digest, read_meta, write_json
from mien.core.errors import ModelError
from mien.core.scores import UNSEEN, Exam, Scores
from mien.core.spec import ModelSpec
from mien.metrics import tables
from mien.runtimes.model import SPEC, WEIGHTS, verify

COMMANDS: Final = (
    "make train-default",
    "mien card --model runs/default/export --scores runs/default/evaluate --run runs/default",
)
_OPEN_LICENCES: Final = frozenset(
    "apache-2.0 mit bsd-3-clause cc0-1.0 cc-by-4.0 cc-by-sa-4.0".split()
)
_COMPACT: Final = ("accuracy", "balanced_accuracy", "balanced_accuracy_frequent", "ece")


def card(
    model: Path,
    scores: Path,
    *,
    stages: Mapping[str, Path] | None = None,
    commands: Sequence[str] = COMMANDS,
) -> str:
    """Writes a model's card, and its headline figures into its description.

    Args:
        model: the model folder; ``MODEL_CARD.md`` is written into it, ``spec.json`` renewed.
        scores: the stage folder of `evaluate`, or its ``scores.json``.
        stages: finished stage folders by name, such as ``split`` and ``train``: their counts,
            seeds and versions go into the card.
        commands: the commands that make every number.

    Returns:
        The card's text.

    Raises:
        ModelError: the model folder is incomplete, or the scores are another model's.
        ChecksumError: a file of the model was altered.
        DataError: the scores cannot be read.
        StageError: a stage's folder is not finished.
    """
    spec = scores_into_spec(model, scores)
    exam = Exam.read(scores)
    made = {name: read_meta(folder) for name, folder in (stages or {}).items()}
    if scores.is_dir():
        made["evaluate"] = read_meta(scores)
    people = groups_of_people(scores) if scores.is_dir() else None
    more = [] if people is None else [groups_part(people, exam)]
    parts = [
        _front_matter(spec, exam),
        f"# {spec.name}",
        words.what(spec),
        tables.headline(exam),
        words.USE,
        words.data(spec, made),
        words.choices(spec),
        words.figures(exam),
        *more,
        words.limits(spec, measured(people)) + _stress(stages or {}, made, exam),
        words.origin(spec, model, made, commands),
    ]
    text = "\n\n".join(part.strip() for part in parts) + "\n"
    with atomic(model / CARD, "w") as file:
        file.write(text)
    _save(model, spec, {CARD: digest(model / CARD)})
    return text


def scores_into_spec(model: Path, scores: Path) -> ModelSpec:
    """Records an exam's headline figures in a model's ``spec.json``.

    Each figure is ``[value, low, high]``, or ``[value]`` where it has no interval.

    Args:
        model: the model folder.
        scores: the stage folder of `evaluate`, or its ``scores.json``.

    Returns:
        The renewed description.

    Raises:
        ModelError: the scores are those of other weights or of another operating point.
        ChecksumError: a file of the model was altered.
        DataError: the scores cannot be read.
    """
    spec, exam = checked(model, scores)
    figures = {
        role: {
            "n": one.points["shipped"].n,
            "n_missed": one.points["shipped"].n_missed,
            "sources": sorted(one.sources),
            **{point: _compact(values) for point, values in one.points.items()},
        }
        for role, one in exam.roles.items()
    }
    if UNSEEN not in exam.roles:
        figures[UNSEEN] = {"n": 0}
    return _save(model, spec.model_copy(update={"scores": figures}), {})


def checked(model: Path, scores: Path) -> tuple[ModelSpec, Exam]:
    """Returns a model's description and its scores, which must be its own.

    Args:
        model: the model folder.
        scores: the stage folder of `evaluate`, or its ``scores.json``.

    Raises:
        ModelError: the scores are those of other weights or of another operating point.
        ChecksumError: a file of the model was altered.
        DataError: the scores cannot be read.
    """
    spec, exam = ModelSpec.read(model / SPEC), Exam.read(scores)
    verify(model, spec, sorted({WEIGHTS, *spec.files} - {CARD}))
    found = (exam.weights, exam.prior, exam.temperature)
    if found != (spec.files[WEIGHTS], spec.prior, spec.temperature):
        raise ModelError(
            f"{scores} holds the scores of other weights or of another operating point than "
            f"{model} has. Run 'mien evaluate' on this model first."
        )
    return spec, exam


def _save(model: Path, spec: ModelSpec, files: Mapping[str, str]) -> ModelSpec:
    """Writes the description with further checksums; the stage's own list follows.

    The digest in ``meta.json`` stays: it names what the stage made, and later stages ask for it.
    """
    renewed = spec.model_copy(update={"files": {**spec.files, **files}})
    write_json(model / SPEC, renewed.model_dump(mode="json"))
    if (model / META).is_file():
        meta = read_meta(model)
        meta["files"] = {**meta.get("files", {}), **files, SPEC: digest(model / SPEC)}
        write_json(model / META, meta)
    return renewed


def _compact(scores: Scores) -> dict[str, list[float]]:
    """Returns the figures of `_COMPACT` that there are, to four places."""
    return {
        name: [round(v, 4) for v in (value, *scores.intervals.get(name, ()))]
        for name in _COMPACT
        if (value := scores.overall[name]) is not None
    }


def _stress(stages: Mapping[str, Path], made: Mapping[str, Any], exam: Exam) -> str:
    """Returns the line on worse pictures, where they were measured on these weights."""
    if "stress" not in stages or not of_same_weights(made["stress"], exam):
        return ""
    return stress_line(stages["stress"])


def _front_matter(spec: ModelSpec, exam: Exam) -> str:
    """Returns the YAML head; JSON strings and lists are YAML too."""
    licence = spec.weight_licence.lower()
    known = licence in _OPEN_LICENCES
    lines = ["---", f"license: {licence if known else 'other'}"]
    lines += [] if known else [f"license_name: {json.dumps(spec.weight_licence)}"]
    tags = "facial-expression-recognition apparent-expression onnx calibrated".split()
    lines += [
        "library_name: mien",
        "pipeline_tag: image-classification",
        f"tags: {json.dumps(tags)}",
        f"metrics: {json.dumps(['accuracy', 'balanced_accuracy', 'expected_calibration_error'])}",
        "model-index:",
        f"- name: {json.dumps(spec.name)}",
        "  results:",
    ]
    for role in ("test", UNSEEN):
        if role not in exam.roles:
            continue
        found = exam.roles[role]
        overall = found.points["shipped"].overall
        sources = sorted(found.sources)
        kind = json.dumps("-".join(sources))
        title = json.dumps(f"{', '.join(sources)} ({role} role)")
        lines += [
            "  - task: {type: image-classification, name: Apparent facial expression}",
            f"    dataset: {{type: {kind}, name: {title}, split: {role}}}",
            "    metrics:",
        ]
        lines += [
            f"    - {{type: {name}, value: {overall[name]:.4f}}}"
            for name in ("accuracy", "balanced_accuracy", "ece")
            if overall[name] is not None
        ]
    if lines[-1] == "  results:":
        lines[-1] = "  results: []"
    return "\n".join([*lines, "---"])
