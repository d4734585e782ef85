"""The texts of an estimate: R's table to the character, and sentences that follow figures."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from imgassets.impact.report import report_text, summary_text
from imgassets.impact.structural import SummaryRow

RISE = SummaryRow(
    actual=156.2333, predicted=129.24, predicted_lower=120.3, predicted_upper=137.9,
    predicted_sd=4.47, effect=26.99, effect_lower=18.33, effect_upper=35.93, effect_sd=4.47,
    relative=0.21, relative_lower=0.14, relative_upper=0.28, relative_sd=0.035, p=0.001, alpha=0.05,
)  # fmt: skip


def times(row: SummaryRow, n: float) -> SummaryRow:
    """The same effect, summed over n time points."""
    summed = {
        name: n * value
        for name, value in dataclasses.asdict(row).items()
        if name.startswith(("actual", "predicted", "effect"))
    }
    return dataclasses.replace(row, **summed)


def both(**changes: float) -> dict[str, SummaryRow]:
    average = dataclasses.replace(RISE, **changes)
    return {"average": average, "cumulative": times(average, 30)}


def row_of(figures: dict, scope: str) -> SummaryRow:
    """A row with the figures that R printed."""
    given = {"predicted": "pred", "effect": "abs", "relative": "rel"}
    values = {}
    for name, short in given.items():
        unit = 100 if name == "relative" else 1
        lower, upper = figures[f"{short}_{scope}_ci"]
        values |= {
            name: figures[f"{short}_{scope}"] / unit,
            f"{name}_sd": figures[f"{short}_{scope}_sd"] / unit,
            f"{name}_lower": lower / unit,
            f"{name}_upper": upper / unit,
        }
    return SummaryRow(actual=figures[f"actual_{scope}"], **values, p=figures["p"], alpha=0.05)


def printed(text: str) -> list[str]:
    """The lines of a table up to R's hint, without the space at their ends."""
    lines = [line.rstrip() for line in text.splitlines()]
    return lines[: next(i for i, line in enumerate(lines) if line.startswith("For more"))]


@pytest.mark.parametrize("case", ["google", "arma", "comparison"])
def test_the_table_is_the_one_that_r_prints(shared, case):
    folder = shared("reference") / "causal"
    cases = json.loads((folder / "reference.json").read_text(encoding="utf-8"))["cases"]
    published = cases[case]["published"]
    rows = {"average": row_of(published, "avg"), "cumulative": row_of(published, "cum")}
    theirs = (folder / f"{case}.R-summary.txt").read_text(encoding="utf-8")
    ours = printed(summary_text(rows))
    # R prints 100 (1 - p) of the p it does not print; its own rounding is not the table's matter.
    assert ours[:-2] == printed(theirs)[:-2]
    assert ours[-2].split()[:5] == printed(theirs)[-2].split()[:5]
    assert float(ours[-2].split()[-1][:-1]) == pytest.approx(
        published["prob_effect_pct"], abs=0.0006 if published["p"] < 0.05 else 0.5
    )


def test_figures_of_a_line_have_the_decimals_that_the_smaller_one_needs():
    text = summary_text({"average": RISE, "cumulative": times(RISE, 30)}, digits=3)
    assert "129 (4.47)" in text
    assert "3877 (134.10)" in text
    assert "[18.3, 35.9]" in text


def test_a_level_other_than_95_is_named():
    assert "90% CI" in summary_text(both(alpha=0.1))
    assert "the 90 % interval" in report_text(both(alpha=0.1))


def test_no_effect_is_ever_quite_sure():
    text = summary_text(both(p=1e-12))
    assert "probability p:   < 0.001" in text
    assert "causal effect:  > 99.9%" in text
    assert "p: < 0.001." in report_text(both(p=1e-12))


def test_what_is_not_known_is_na_and_said():
    nothing = both(relative=math.nan, relative_lower=math.nan, relative_upper=math.nan)
    assert "NA" in summary_text(nothing)
    assert "A relative effect is not given" in report_text(nothing)
    ill_posed = both(predicted=math.nan)
    assert report_text(ill_posed).startswith("There is no estimate")


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({}, "rose by 21 %", "cannot be told"),
        ({}, "positive effect is unlikely to be chance", "includes zero"),
        (
            {"effect": -27, "effect_lower": -36, "effect_upper": -18, "relative": -0.21},
            "fell by 21 %", "rose",
        ),
        (
            {"effect": -27, "effect_lower": -36, "effect_upper": -18, "relative": -0.21},
            "negative effect is unlikely to be chance", "includes zero",
        ),
        ({"effect_lower": -2}, "cannot be told from chance", "unlikely to be chance"),
        # A small tail probability alone decides nothing.
        ({"effect_lower": -2, "p": 0.03}, "cannot be told from chance", "unlikely to be chance"),
    ],
)  # fmt: skip
def test_sentences_follow_from_the_interval(changes, said, unsaid):
    text = report_text(both(**changes))
    assert said in text
    assert unsaid not in text


def test_every_report_says_what_it_rests_on():
    assert "controls were not affected" in report_text(both())
    assert "invented dates" in report_text(both())
