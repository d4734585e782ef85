"""What a single series' estimate says: the table that R prints, and the same in sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgassets.impact.structural import SummaryRow

_LABEL_WIDTH = 25
"""Characters before the first column, as in R's print."""

_LEAST_TAIL = 0.001
"""Smaller tail probabilities are not told apart: no model is as right as that."""


def summary_text(rows: Mapping[str, SummaryRow], digits: int = 2) -> str:
    """Return the table of an estimate in the layout of R's ``summary(impact)``.

    Args:
        rows: 'average' (per time point) and 'cumulative' (sum) of the post-period.
        digits: significant digits of the smaller figure of each line, as R's ``format`` takes them.
    """
    both = (rows["average"], rows["cumulative"])
    level = f"{100 * (1 - both[0].alpha):g}% CI"
    shares = [
        [100 * value for value in values]
        for values in (
            [row.relative for row in both],
            [row.relative_sd for row in both],
            [row.relative_lower for row in both],
            [row.relative_upper for row in both],
        )
    ]
    lines: list[tuple[str, Sequence[str]]] = [
        ("", ("Average", "Cumulative")),
        ("Actual", _figures([row.actual for row in both], digits)),
        (
            "Prediction (s.d.)",
            _with_sd(
                [row.predicted for row in both], [row.predicted_sd for row in both], digits
            ),
        ),
        (
            level,
            _interval(
                [row.predicted_lower for row in both],
                [row.predicted_upper for row in both],
                digits,
            ),
        ),
        ("", ("", "")),
        (
            "Absolute effect (s.d.)",
            _with_sd([row.effect for row in both], [row.effect_sd for row in both], digits),
        ),
        (
            level,
            _interval(
                [row.effect_lower for row in both], [row.effect_upper for row in both], digits
            ),
        ),
        ("", ("", "")),
        ("Relative effect (s.d.)", _with_sd(shares[0], shares[1], digits, "%")),
        (level, _interval(shares[2], shares[3], digits, "%")),
    ]  # fmt: skip
    widths = [max(len(cells[i]) for _, cells in lines) for i in (0, 1)]
    table = "\n".join(
        f"{label:<{_LABEL_WIDTH}}{cells[0]:<{widths[0]}}   {cells[1]:<{widths[1]}}"
        for label, cells in lines
    )
    p = both[1].p
    return (
        f"Posterior inference {{CausalImpact}}\n\n{table}\n\n"
        f"Posterior tail-area probability p:   {_tail(p)}\n"
        f"Posterior prob. of a causal effect:  {_certainty(p)}\n\n"
        'For more details, type: summary("report")'
    )


def report_text(rows: Mapping[str, SummaryRow], digits: int = 2) -> str:
    """Return an estimate in sentences: what was found, how sure that is, what it rests on.

    Args:
        rows: as for :func:`summary_text`.
        digits: significant digits of the figures.
    """
    average, total = rows["average"], rows["cumulative"]
    if not math.isfinite(total.predicted):
        return (
            "There is no estimate: before the intervention the series has fewer than three "
            "observations, or never changes, so that nothing can be learnt from it."
        )
    level = f"{100 * (1 - average.alpha):g} %"
    found = [
        f"After the intervention the response averaged {_one(average.actual, digits)}. Had nothing "
        f"been done, {_one(average.predicted, digits)} would have been expected, with a {level} "
        f"interval of {_span(average.predicted_lower, average.predicted_upper, digits)}. The "
        f"difference is the estimated effect: {_one(average.effect, digits)} at each time point, "
        f"with a {level} interval of {_span(average.effect_lower, average.effect_upper, digits)}.",
        f"Summed over the period (where sums mean something) the response came to "
        f"{_one(total.actual, digits)}, where {_one(total.predicted, digits)} was expected, "
        f"interval {_span(total.predicted_lower, total.predicted_upper, digits)}.",
    ]
    if math.isfinite(total.relative):
        found.append(
            f"In relative terms the response {'rose' if total.relative >= 0 else 'fell'} by "
            f"{_one(abs(100 * total.relative), digits)} %; the {level} interval of the change is "
            f"[{_one(100 * total.relative_lower, digits)} %, "
            f"{_one(100 * total.relative_upper, digits)} %]."
        )
    else:
        found.append(
            "A relative effect is not given: what was expected may be zero, and nothing can be "
            "said in per cent of it."
        )
    return "\n\n".join([*found, _judgement(total, level), _GROUND])


_GROUND = (
    "This rests on three things that the data cannot prove: the controls were not affected by the "
    "intervention themselves, the response would have followed them afterwards as it did before, "
    "and nothing else happened to the response alone at that time. The interval covers what the "
    "model does not know, not whether the model fits: real series often drift in ways that make "
    "it too narrow. Run the same analysis at invented dates before the intervention, where there "
    "is nothing to find; if it often finds something there, do not trust it here."
)


def _judgement(total: SummaryRow, level: str) -> str:
    """Return whether the effect is told from none by its interval, and the tail probability.

    The smaller tail alone is no test at its face value: the sign was not chosen beforehand, and
    either one may be small by chance.
    """
    chance = f"Posterior tail-area probability p: {_tail(total.p)}."
    direction = "positive" if total.effect >= 0 else "negative"
    if total.effect_lower > 0 or total.effect_upper < 0:
        return (
            f"The {level} interval excludes zero, so that by this model the {direction} effect is "
            f"unlikely to be chance. {chance} Whether an effect of this size matters is another "
            "question: compare it with what the intervention was to bring about."
        )
    return (
        f"The {level} interval includes zero: the {direction} difference cannot be told from "
        f"chance. {chance} That does not show that there was no effect: the period may be too "
        "short or too long for it, the series too noisy, or the controls may explain it too "
        "little; the interval says which effects remain possible."
    )


def _decimals(values: Sequence[float], digits: int) -> int:
    """Return the decimals with which each value shows its significant digits, without zeros."""
    needed = [0]
    for value in values:
        if math.isfinite(value) and value != 0:
            mantissa, exponent = f"{abs(value):.{digits - 1}e}".split("e")
            significant = len(mantissa.rstrip("0").replace(".", ""))
            needed.append(max(significant, 1) - 1 - int(exponent))
    return max(needed)


def _figures(values: Sequence[float], digits: int, unit: str = "") -> list[str]:
    """Write the values of a line alike."""
    decimals = _decimals(values, digits)
    return [f"{v:.{decimals}f}{unit}" if math.isfinite(v) else "NA" for v in values]


def _with_sd(
    values: Sequence[float], deviations: Sequence[float], digits: int, unit: str = ""
) -> list[str]:
    pairs = zip(_figures(values, digits, unit), _figures(deviations, digits, unit), strict=True)
    return [f"{value} ({deviation})" for value, deviation in pairs]


def _interval(
    lower: Sequence[float], upper: Sequence[float], digits: int, unit: str = ""
) -> list[str]:
    pairs = zip(_figures(lower, digits, unit), _figures(upper, digits, unit), strict=True)
    return [f"[{low}, {high}]" for low, high in pairs]


def _one(value: float, digits: int) -> str:
    return _figures([value], digits)[0]


def _span(lower: float, upper: float, digits: int) -> str:
    return f"[{_one(lower, digits)}, {_one(upper, digits)}]"


def _tail(p: float) -> str:
    return f"{round(p, 5):g}" if p >= _LEAST_TAIL else f"< {_LEAST_TAIL:g}"


def _certainty(p: float) -> str:
    """Write 1 - p in per cent, with more decimals the nearer it is to 100, as R does."""
    if p < _LEAST_TAIL:
        return f"> {100 * (1 - _LEAST_TAIL):g}%"
    decimals = 5 if p < 0.01 else 3 if p < 0.05 else 0
    return f"{round(100 * (1 - p), decimals):.6g}%"
