"""Equal contents: copies within a part go, copies elsewhere stay, contradictions are told."""

from __future__ import annotations

from typing import Any

import polars as pl

from mien.core import catalogue, contents
from mien.core.types import Sample

ROWS = [  # id, data set, part, label
    ("same", "a", "train", "happy"),
    ("same", "a", "train", "happy"),  # a copy
    ("same", "a", "valid", "anger"),  # another part: stays, though it contradicts
    ("torn", "a", "train", "fear"),
    ("torn", "b", None, "surprise"),
    ("torn", "b", None, None),  # a copy in b's part
    ("torn", "c", None, None),  # no label contradicts nothing
    ("alone", "c", None, "sadness"),
]


def judged(policy: Any, rows: list[Any] = ROWS) -> contents.Verdict:
    samples = [
        Sample(id=row[0], path=f"{n}", dataset=row[1], licence="none", split=row[2], label=row[3])
        for n, row in enumerate(rows)
    ]
    return contents.judge(catalogue.from_samples(samples).lazy().with_row_index("row"), policy)


def test_copies_and_contradictions_are_rejected() -> None:
    found = judged("reject").rejected
    assert found.select("row", "reason").rows() == [
        (1, "exact_duplicate"), (3, "conflicting_labels"), (4, "conflicting_labels"),
        (5, "exact_duplicate"),
    ]  # fmt: skip
    details = dict(found.select("row", "detail").rows())
    assert details[1] == "the same content as 0"
    assert details[3] == details[4] == "one picture, several labels: a: fear (3), b: surprise (4)"
    assert details[5] == "the same content as 4, but the labels differ: none here, surprise there"


def test_conflicts_are_listed_whatever_the_policy() -> None:
    for policy, outcome in (("reject", "rejected"), ("keep", "kept"), ("error", "kept")):
        found = judged(policy)
        listed = found.conflicts.select("path", "label", "other_path", "other_label", "outcome")
        assert listed.rows() == [
            ("2", "anger", "0", "happy", "kept"), ("4", "surprise", "3", "fear", outcome),
        ]  # fmt: skip
        if policy != "reject":
            assert found.rejected["row"].to_list() == [1, 5]


def test_a_copy_with_another_label_is_listed() -> None:
    rows = [("x", "a", None, "happy"), ("x", "a", None, "fear")]
    found = judged("reject", rows)
    assert found.rejected["reason"].to_list() == ["exact_duplicate"]
    assert found.conflicts["outcome"].to_list() == ["first_kept"]


def test_nothing_in_common_is_no_work() -> None:
    found = judged("reject", ROWS[-1:])
    assert found.rejected.schema == pl.Schema(
        {"row": pl.UInt32} | dict.fromkeys(("path", "reason", "detail", "id", "dataset"), pl.String)
    )
    assert not len(found.rejected) + len(found.conflicts)
