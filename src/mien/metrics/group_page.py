"""Figures and gaps by group in words, with what the data cannot tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mien.core.labels import CLASSES
from mien.core.scores import UNSEEN
from mien.metrics.conditions import BANDS
from mien.metrics.group_gaps import ODDS, PARITY
from mien.metrics.group_parts import GroupSettings
from mien.metrics.group_values import stated
from mien.metrics.tables import NOT_MEASURED, markdown, percent

if TYPE_CHECKING:
    import polars

Row = Mapping[str, Any]

QUESTIONS: Final = ("accuracy", "balanced_accuracy", "missed", PARITY, ODDS)
_SHOWN: Final = ("accuracy", "balanced_accuracy", "missed", "abstained")
_WORDS: Final = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "missed": "missed faces",
    PARITY: "demographic parity",
    ODDS: "equalised odds",
}
_OF_CLASS: Final = {
    "recall": "recall of",
    "false_positive": "wrong answers with",
    PARITY: "answers with",
}
_LIMITS: Final = """\
## What these figures cannot tell

- The labels are expressions as annotators saw them, not what anyone felt. Annotators may see faces
  of some groups differently; a model that repeats their bias looks fair here, and one that does not
  looks unfair.
- Groups are those that the data sets state, in their words: what people said of themselves in one,
  what an annotator or another model saw in another. Nothing about a person is predicted here. Of
  pictures without a stated group nothing is known.
- A data set that states a group differs from one that does not in much else: light, pose, posed or
  spontaneous expressions, age. A gap between groups may be one between data sets, and groups of
  several data sets may hide one. No figure here tells the cause of a gap.
- Groups may carry other shares of the seven labels. Accuracy and demographic parity then differ
  without any error of the model in a class; balanced accuracy and equalised odds do not.
- Each attribute is looked at alone. A model may fail older women and no other group, and none of
  these tables would show it.
- "No gap found" is not "no gap": with few people only large gaps are seen, and the tables hold the
  people of these data sets, not those whom a model will meet."""


def groups_page(
    values: polars.DataFrame,
    gaps: polars.DataFrame,
    predictions: polars.DataFrame,
    roles: Sequence[str],
    settings: GroupSettings = GroupSettings(),  # noqa: B008  # an immutable value
) -> str:
    """Returns the figures by group as Markdown: a section a role, a part an attribute.

    Args:
        values: as `group_values.groups` returns it.
        gaps: as `group_gaps.gaps` returns it.
        predictions: what both were made of.
        roles: the roles to show, in their order; unseen sources are always among them.
        settings: those that made the tables.
    """
    counts = stated(predictions, settings).rows(named=True)
    tables = [*map(_by_place, (values, gaps))]
    parts = ["# Figures by group", _intro(settings)]
    for role in (*roles, *(() if UNSEEN in roles else (UNSEEN,))):
        known = [row for row in counts if row["role"] == role]
        parts.append(f"## {role}")
        if not known:
            parts.append(f"{NOT_MEASURED if role == UNSEEN else 'not measured'}.")
        for row in known:
            found, compared = (table.get((role, row["attribute"]), []) for table in tables)
            parts += _attribute(row, found, compared, settings)
    return "\n\n".join([*parts, _LIMITS]) + "\n"


def _by_place(table: polars.DataFrame) -> dict[tuple[str, str], list[Row]]:
    """Returns the rows of each role and attribute."""
    places: dict[tuple[str, str], list[Row]] = {}
    for row in table.iter_rows(named=True):
        places.setdefault((row["role"], row["attribute"]), []).append(row)
    return places


def _intro(settings: GroupSettings) -> str:
    return (
        "In brackets: 95 % intervals from resampled people (clusters of look-alikes where people "
        "are not known), not corrected for their number. A picture in which no face was found "
        "counts as a wrong answer; bands of what was measured hold found faces only. Each "
        "attribute asks five questions: accuracy, balanced accuracy, missed faces, demographic "
        "parity (the share answered with a class) and equalised odds (recall of a class, or its "
        "share among the pictures with other labels). A gap counts as found if, after Holm's "
        "correction for all questions of the role, chance would show it in fewer than "
        f"{100 * settings.level:g} % of such roles. Groups with fewer than {settings.min_group} "
        f"pictures or {settings.min_people} people are not judged, nor classes with fewer than "
        f"{settings.min_class} pictures in a group."
    )


def _attribute(
    known: Row, values: Sequence[Row], gaps: Sequence[Row], settings: GroupSettings
) -> list[str]:
    """Returns the paragraphs of one attribute in one role."""
    name = known["attribute"]
    kind = "Measured" if name in BANDS else "Stated"
    parts = ["### " + ("Source" if name == "dataset" else f"{kind} {name}")]
    if 0 < known["stated"] < known["n"]:
        parts.append(
            f"{kind} for {known['stated']:,} of {known['n']:,} pictures ({known['sources']})."
        )
    found: dict[str, dict[str, Row]] = {}
    for row in values:
        found.setdefault(row["group"], {})[row["figure"]] = row
    judged = {k: rows for k, rows in found.items() if rows["accuracy"]["enough"]}
    if judged:
        parts.append(_table(judged))
    lines = [*_common(judged), *_sentences(gaps), *_small(found, judged, settings)]
    parts.append("\n".join(f"- {line}" for line in lines))
    return parts


def _table(judged: Mapping[str, Mapping[str, Row]]) -> str:
    heads = "group|pictures|people|accuracy|balanced accuracy|no face found|abstained".split("|")
    rows = [
        [
            _plain(group),
            f"{rows['accuracy']['n']:,}",
            f"{rows['accuracy']['people']:,}",
            *(_cell(rows.get(figure)) for figure in _SHOWN),
        ]
        for group, rows in judged.items()
    ]
    return markdown(heads, rows)


def _common(judged: Mapping[str, Mapping[str, Row]]) -> Iterable[str]:
    """Yields which classes balanced accuracy is the mean over, where it is not all."""
    within = [rows for rows in judged.values() if rows["balanced_accuracy"]["enough"]]
    shared = [k for k in CLASSES if all(rows[f"recall.{k}"]["enough"] for rows in within)]
    if within and len(shared) < len(CLASSES):
        yield f"Balanced accuracy is the mean over {', '.join(shared)}."
    if len(within) < len(judged):
        yield "Balanced accuracy stands only where a group has enough pictures of the same classes."


def _sentences(gaps: Sequence[Row]) -> Iterable[str]:
    """Yields what the tests say: each question, then the classes in which a gap was found."""
    for row in gaps:
        if row["words"]:
            yield row["words"]
    asked = {row["figure"]: row for row in gaps if row["figure"]}
    for question in QUESTIONS:
        if question in asked:
            yield _sentence(asked[question])
    for figure, row in asked.items():
        if row["found"] and figure not in QUESTIONS:
            yield _sentence(row)


def _sentence(row: Row) -> str:
    gap = f"{100 * row['gap']:.1f} points"
    if row["low"] is not None:
        gap += f" [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
    ends = f"{_plain(row['largest'])} (highest) and {_plain(row['smallest'])} (lowest)"
    told = f"in {_title(row)}: {gap} between {ends}"
    if row["found"]:
        chance = f"p = {row['p_adjusted']:.2g} after correction for {row['tests']} questions"
        return f"**Gap found** {told}; {chance}."
    if row["low"] is None:
        return f"No gap found {told}."
    if row["visible"] is None or row["visible"] >= 1:
        return f"No gap found {told}. With these numbers none could be seen."
    points = f"{100 * row['visible']:.0f} points"
    return (
        f"No gap found {told}. With these numbers one under about {points} would often not be seen."
    )


def _title(row: Row) -> str:
    """Returns a figure in words, such as ``"equalised odds, most in recall of fear"``."""
    kind, _, name = row["figure"].partition(".")
    if row["part"]:
        return f"{_WORDS[kind]}, most in {_title({'figure': row['part'], 'part': None})}"
    words = _OF_CLASS if name else _WORDS
    return f"{words[kind]} {name}".rstrip()


def _small(
    found: Mapping[str, Mapping[str, Row]], judged: Mapping[str, Any], settings: GroupSettings
) -> Iterable[str]:
    """Yields the groups that are too small to be judged."""
    small = [rows["accuracy"] for group, rows in found.items() if group not in judged]
    few = [f"{_plain(r['group'])} ({_count(r['n'], 'picture')})" for r in small
           if r["n"] < settings.min_group]  # fmt: skip
    alone = [f"{_plain(r['group'])} ({r['n']:,} of {_count(r['people'], 'person')})" for r in small
             if r["n"] >= settings.min_group]  # fmt: skip
    if few:
        yield f"Groups under {settings.min_group} pictures are not judged: {', '.join(few)}."
    if alone:
        yield f"Groups under {settings.min_people} people are not judged: {', '.join(alone)}."


def _cell(row: Row | None) -> str:
    if row is None or not row["enough"]:
        return "-"
    bounds = None if row["low"] is None else (row["low"], row["high"])
    return percent(row["value"], bounds)


def _count(n: int, word: str) -> str:
    if word == "person":
        return f"{n:,} {'person' if n == 1 else 'people'}"
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def _plain(group: str) -> str:
    """Returns a group's name without what would break a table."""
    return group.replace("|", "/").replace("\n", " ")
