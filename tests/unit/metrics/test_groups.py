"""Figures by group equal fairlearn's, and gaps are found where they are, and only there."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import MissingExtraError
from mien.core.labels import CLASSES
from mien.metrics.group_tests import equality, holm
from mien.metrics.groups import FIGURES, GroupSettings, age_band, gaps, groups, groups_page, stated

pytest.importorskip("fairlearn")

QUICK = GroupSettings(
    resamples=30, attributes=("gender", "age", "ethnicity", "dataset", "light", "yaw", "size")
)
NONE = GroupSettings(resamples=0)


def table(
    seed: int = 0,
    people: int = 40,
    pictures: int = 8,
    right: tuple[float, float] = (0.8, 0.8),
    likeness: float = 0.1,
    missed: float = 0.02,
) -> pl.DataFrame:
    """People of two genders, each with an own chance of a right answer."""
    rng = np.random.default_rng(seed)
    man = np.arange(people) % 2
    mean, strength = np.take(right, man), 1 / likeness - 1
    chance = rng.beta(mean * strength, (1 - mean) * strength)
    who = np.repeat(np.arange(people), pictures)
    n = len(who)
    label = rng.integers(0, 7, n)
    wrong = (label + rng.integers(1, 7, n)) % 7
    answer = np.where(rng.random(n) < chance[who], label, wrong)
    gone = rng.random(n) < missed
    ages = rng.choice(["20-29", "45", "70+"], people)
    return pl.DataFrame(
        {
            "role": ["test"] * n,
            "dataset": ["kdef"] * n,
            "label": np.array(CLASSES)[label],
            "answer": [None if g else CLASSES[a] for a, g in zip(answer, gone, strict=True)],
            "missed": ["no face" if g else None for g in gone],
            "abstained": ["unsure" if x else None for x in rng.random(n) < 0.1],
            "cluster": [f"p{i}" for i in who],
            "gender": np.array(["female", "male"])[man[who]],
            "age": ages[who],
            "ethnicity": rng.choice(["A", "B", "C"], people)[who],
            "yaw": np.where(gone, np.nan, rng.normal(0, 20, n)).astype(np.float32),
        }
    )


def of(values: pl.DataFrame, attribute: str, figure: str) -> dict[str, Any]:
    mine = values.filter((pl.col("attribute") == attribute) & (pl.col("figure") == figure))
    return dict(mine.select("group", "value").rows())


def gap(found: pl.DataFrame, attribute: str, figure: str) -> dict[str, Any]:
    mine = found.filter((pl.col("attribute") == attribute) & (pl.col("figure") == figure))
    return mine.row(0, named=True)


def words(found: pl.DataFrame, attribute: str) -> list[str | None]:
    return found.filter(pl.col("attribute") == attribute)["words"].to_list()


def test_values_are_those_of_fairlearn_and_scikit_learn() -> None:
    from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score

    rows = table(missed=0)
    truth, answer = rows["label"].to_numpy(), rows["answer"].to_numpy()
    group = {"group": rows["ethnicity"].to_numpy()}
    metrics = {"accuracy": accuracy_score, "balanced_accuracy": balanced_accuracy_score}
    frame = MetricFrame(metrics=metrics, y_true=truth, y_pred=answer, sensitive_features=group)
    values = groups(rows, QUICK)
    for figure in metrics:
        assert of(values, "ethnicity", figure) == pytest.approx(frame.by_group[figure].to_dict())
    for name in CLASSES:
        one = MetricFrame(
            metrics={
                "recall": lambda t, p: recall_score(t, p, pos_label=True),
                "selection": lambda t, p: selection_rate(t, p, pos_label=True),
                "false_positive": lambda t, p: false_positive_rate(t, p, pos_label=True),
            },
            y_true=truth == name,
            y_pred=answer == name,
            sensitive_features=group,
        )
        for kind in ("recall", "selection", "false_positive"):
            expected = one.by_group[kind].to_dict()
            assert of(values, "ethnicity", f"{kind}.{name}") == pytest.approx(expected)


def test_gaps_are_those_of_fairlearn() -> None:
    from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

    rows = table(people=60, right=(0.5, 0.7))
    truth, answer = rows["label"].to_numpy(), rows["answer"].fill_null("none").to_numpy()
    found = gaps(rows, NONE)
    parity, odds = [], []
    for name in CLASSES:
        pair = {
            "y_true": (truth == name).astype(int),
            "y_pred": (answer == name).astype(int),
            "sensitive_features": rows["ethnicity"].to_numpy(),
        }
        parity.append(demographic_parity_difference(**pair))
        odds.append(equalized_odds_difference(**pair))
        mine = gap(found, "ethnicity", f"demographic_parity.{name}")
        assert mine["gap"] == pytest.approx(parity[-1])
    assert gap(found, "ethnicity", "demographic_parity")["gap"] == pytest.approx(max(parity))
    assert gap(found, "ethnicity", "equalised_odds")["gap"] == pytest.approx(max(odds))


def test_a_missed_face_is_wrong_and_counted_apart() -> None:
    rows = table(missed=1.0)
    values = groups(rows, QUICK)
    assert set(of(values, "gender", "accuracy").values()) == {0.0}
    assert set(of(values, "gender", "missed").values()) == {1.0}
    assert of(values, "yaw", "accuracy") == {}
    row = values.filter((pl.col("figure") == "missed") & (pl.col("group") == "male"))
    assert 0.5 < row["low"][0] < 1 == row["high"][0]  # twenty people are not everyone
    assert not gaps(rows, QUICK)["found"].any()


def test_measured_bands_say_nothing_of_missed_faces() -> None:
    values = groups(table(), QUICK).filter(pl.col("attribute") == "yaw")
    assert set(values["figure"]) == set(FIGURES) - {"missed"}
    assert values["group"].unique(maintain_order=True).to_list()[:2] == ["0 to 15", "15 to 30"]


def test_three_people_are_not_judged() -> None:
    rows = table().with_columns(
        gender=pl.when(pl.col("cluster").is_in(["p0", "p2", "p4", "p6"])).then(pl.lit("other"))
        .otherwise("gender")
    )  # fmt: skip
    assert not groups(rows, QUICK).filter(pl.col("group") == "other")["enough"].any()
    found = gaps(rows, QUICK).filter(pl.col("attribute") == "gender")
    assert "other" not in {*found["largest"], *found["smallest"]}
    page = groups_page(groups(rows, QUICK), gaps(rows, QUICK), rows, ("test",), QUICK)
    assert "Groups under 5 people are not judged: other (32 of 4 people)." in page
    assert "| other |" not in page


def test_what_cannot_be_compared_is_said_in_words() -> None:
    rows = table().with_columns(gender=pl.lit("female"), light=pl.lit(None, pl.String))
    found = gaps(rows.drop("age"), QUICK)
    only = "Only one group is large enough (female): there is nothing to compare it with."
    unstated = "is not stated by any source of this role: nothing can be said."
    assert words(found, "gender") == [only]
    assert words(found, "age") == [f"age {unstated}"]
    assert words(found, "light") == [f"light {unstated}"]
    assert words(found, "size")[0].startswith("size was not measured in any picture")
    assert groups(rows.drop("age")).filter(pl.col("attribute") == "age").is_empty()


def test_one_picture_has_figures_but_is_not_judged() -> None:
    rows = table().head(1)
    values = groups(rows, QUICK)
    assert not values["enough"].any()
    assert values["low"].is_null().all()
    assert "No group is large enough: nothing can be said." in words(gaps(rows, QUICK), "gender")
    assert "are not judged: female (1 picture)." in groups_page(
        values, gaps(rows, QUICK), rows, ("test",)
    )


def test_no_pictures_no_figures() -> None:
    rows = table().clear()
    assert groups(rows, QUICK).is_empty()
    assert gaps(rows, QUICK).is_empty()
    assert stated(rows).is_empty()


def test_older_tables_lack_columns() -> None:
    rows = table().select("role", "label", "answer", "gender", "dataset")
    values = groups(rows, QUICK)
    assert "abstained" not in values["figure"]
    assert of(values, "gender", "missed") == of(groups(table(), QUICK), "gender", "missed")
    assert values.filter(pl.col("group") == "male")["people"].unique().to_list() == [160]


def test_a_class_that_a_group_lacks_is_not_compared() -> None:
    rows = table(people=60).filter((pl.col("label") != "fear") | (pl.col("gender") == "female"))
    values, found = groups(rows, QUICK), gaps(rows, QUICK)
    assert of(values, "gender", "recall.fear")["male"] is None
    gender = found.filter(pl.col("attribute") == "gender")
    assert "recall.fear" not in gender["figure"]
    assert "balanced_accuracy" in gender["figure"]
    page = groups_page(values, found, rows, ("test",))
    others = ", ".join(name for name in CLASSES if name != "fear")
    assert f"Balanced accuracy is the mean over {others}." in page


def test_one_small_group_does_not_take_classes_from_the_others() -> None:
    small = pl.col("cluster").is_in([f"p{i}" for i in range(6)])
    rows = table(people=60).with_columns(
        ethnicity=pl.when(small).then(pl.lit("D")).otherwise("ethnicity")
    )
    values = groups(rows, QUICK).filter(pl.col("figure") == "balanced_accuracy")
    enough = dict(values.filter(attribute="ethnicity").select("group", "enough").rows())
    assert enough == {"A": True, "B": True, "C": True, "D": False}
    found = gaps(rows, QUICK)
    mine = gap(found, "ethnicity", "balanced_accuracy")
    assert "D" not in (mine["largest"], mine["smallest"])


def test_maxima_come_from_their_classes_and_share_one_question() -> None:
    found = gaps(table(people=200, right=(0.9, 0.4)), QUICK)
    odds = gap(found, "gender", "equalised_odds")
    part = gap(found, "gender", odds["part"])
    assert odds["found"] is True
    assert (odds["gap"], odds["low"]) == (part["gap"], part["low"])
    assert odds["low"] <= odds["gap"] <= odds["high"]
    assert gap(found, "gender", "accuracy")["largest"] == "female"
    # gender, age and ethnicity ask five questions each, a data set alone none, yaw no missed faces
    assert found["tests"].drop_nulls().unique().to_list() == [19]


def test_the_page_says_what_was_found_and_what_could_be() -> None:
    rows = table(people=200, right=(0.9, 0.4)).with_columns(
        age=pl.when(pl.col("cluster") != "p1").then("age")
    )
    values, found = groups(rows, QUICK), gaps(rows, QUICK)
    page = groups_page(values, found, rows, ("test",), QUICK)
    assert "**Gap found** in accuracy:" in page
    assert "between female (highest) and male (lowest); p = " in page
    assert "after correction for 19 questions" in page
    assert "Stated for 1,592 of 1,600 pictures (kdef)." in page
    assert "would often not be seen" in page
    assert "## unseen\n\nunseen sources: not measured." in page
    assert "## What these figures cannot tell" in page
    assert "**Gap found** in demographic parity" not in page.partition("### Stated ethnicity")[2]


def test_without_resamples_there_are_no_intervals() -> None:
    rows = table()
    values, found = groups(rows, NONE), gaps(rows, NONE)
    assert values["low"].is_null().all()
    assert found["high"].is_null().all()
    assert found["p"].drop_nulls().is_between(0, 1).all()
    assert "No gap found in accuracy: " in groups_page(values, found, rows, ("test",), NONE)


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("23", "20-39"), ("7.5", "0-9"), ("116", "60+"), ("0-2", "0-9"), ("3-9", "0-9"),
        ("20-29", "20-39"), ("50 - 59", "40-59"), ("60-69", "60+"), ("70+", "60+"),
        ("more than 70", "60+"), ("4-19", "4-19"), ("40-69", "40-69"), ("child", "child"),
        ("50+", "50+"),
    ],
)  # fmt: skip
def test_ages_fall_into_bands_where_they_fit(text: str, band: str) -> None:
    assert age_band(text) == band


def test_spellings_of_a_gender_are_one_group() -> None:
    rows = table().with_columns(
        gender=pl.Series(["F", " female", "Woman", "  ", None, "male", "M", "MALE"] * 40)
    )
    counts = groups(rows, NONE).filter(attribute="gender", figure="accuracy")
    assert counts.select("group", "n").rows() == [("female", 120), ("male", 120)]
    assert stated(rows).filter(attribute="gender").row(0)[2:] == (320, 240, "kdef")


@settings(max_examples=4, deadline=None)
@given(st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_rows_does_not_matter(random: Any, known: bool) -> None:
    rows = table(people=20).drop([] if known else ["cluster"])
    order = list(range(len(rows)))
    random.shuffle(order)
    few = QUICK._replace(attributes=("gender", "yaw"), min_class=3)
    for make in (groups, gaps):
        ours, theirs = make(rows, few), make(rows[order], few)
        for name in ours.columns:
            if ours[name].dtype == pl.Float64:
                pairs = zip(ours[name], theirs[name], strict=True)
                assert all(a == pytest.approx(b, abs=1e-9) for a, b in pairs)
            else:
                assert ours[name].equals(theirs[name])


def test_holm_without_weights_is_the_usual_one() -> None:
    assert holm([(0.01, 1), (0.04, 1), (0.03, 1)]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([(0.01, 1), (0.01, 3)]) == pytest.approx([0.04 / 3] * 2)
    assert holm([]) == []


def test_two_groups_of_pictures_alone_are_compared_as_by_chi_square() -> None:
    from scipy.stats import chi2_contingency

    right = np.concatenate([np.arange(400) < 300, np.arange(400) < 330]).astype(float)
    group = np.repeat([[1.0, 0], [0, 1.0]], 400, axis=0)
    p = equality((right[:, None] * group)[..., None], group[..., None])
    expected = chi2_contingency([[300, 100], [330, 70]], correction=False).pvalue
    # No group's variance counts as less than that of all, so the test is a little stricter.
    assert expected <= p < 1.4 * expected


def test_a_few_people_who_agree_prove_nothing() -> None:
    # Ten people with eight right answers each, beside 190 of whom a fifth are always wrong.
    always = np.repeat([1.0, 1.0, 0.0], [10, 152, 38]) * 8
    group = np.repeat([[1.0, 0], [0, 1.0]], [10, 190], axis=0)
    assert equality((always[:, None] * group)[..., None], 8 * group[..., None]) > 0.05


def test_equal_groups_have_no_gap_at_all() -> None:
    group = np.repeat([[1.0, 0], [0, 1.0]], 10, axis=0)[..., None]
    assert equality(0 * group, group) == 1.0
    assert equality(group, group) == 1.0


def test_without_fairlearn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fairlearn.metrics", None)
    with pytest.raises(MissingExtraError, match=r"mien\[report\]"):
        groups(table(), QUICK)


@pytest.mark.slow
def test_a_gap_of_ten_points_is_found() -> None:
    few = NONE._replace(attributes=("gender", "age", "ethnicity"))
    hits = 0
    for seed in range(20):
        found = gaps(table(seed, people=400, right=(0.7, 0.8)), few)
        row = gap(found, "gender", "accuracy")
        hits += row["found"] and row["largest"] == "male"
    assert hits >= 18


@pytest.mark.slow
def test_without_a_gap_none_is_claimed() -> None:
    few = NONE._replace(attributes=("gender", "age", "ethnicity"))
    claims = sum(bool(gaps(table(s, likeness=0.2), few)["found"].any()) for s in range(200))
    assert claims <= 0.09 * 200
