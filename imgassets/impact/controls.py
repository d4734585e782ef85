"""Control series: untreated series that moved like the treated one, put together to a few.

What is chosen follows from training rows alone, so that the same rule can be repeated at every fake
intervention (:mod:`imgassets.impact.placebos`). Paper A, section III-C, compares with "items with
similar search and browse history"; here likeness is measured on level, trend, weekday profile and
the correlation of movements about a straight line, which two series with unlike trends do not owe
to these.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from imgassets.impact.medians import masked_median

Floats = NDArray[np.float64]

MAX_MISSING = 0.2
"""Largest share of days on which a control may have no figure; fewer are filled."""

MIN_ACTIVE_DAYS = 3
"""Fewest training days with a figure other than zero, in each half of the training rows."""

MAX_TREND_DIFFERENCE = 0.1
"""Largest difference of trends, as a share of the level a week, beyond what noise makes."""

MAX_WEEKDAY_DISTANCE = 0.5
"""Largest mean difference of weekday profiles, as a share of the level, beyond what noise makes."""

STANDARD_ERRORS = 2.0
"""Standard errors by which a trend may differ beyond its limit, and by which a candidate's
correlation may lie below the median candidate's."""

TELLING_CORRELATION = 0.4
"""Median correlation from which single candidates can be told apart: below it, ranks are mostly
noise, and series made of the highest ones would follow the treated series' noise in training."""

_WEEK = 7


class Fate(IntEnum):
    """What became of a candidate."""

    KEPT = 0
    MISSING = 1
    FLAT = 2
    TREND = 3
    WEEKDAYS = 4
    UNRELATED = 5


FATES = {
    Fate.KEPT: "kept",
    Fate.MISSING: f"no figure on more than {MAX_MISSING:.0%} of the days",
    Fate.FLAT: "flat or all but flat before the intervention",
    Fate.TREND: f"trend differs by more than {MAX_TREND_DIFFERENCE:.0%} a week",
    Fate.WEEKDAYS: f"weekday profile differs by more than {MAX_WEEKDAY_DISTANCE:.0%}",
    Fate.UNRELATED: "moves less with the treated products than most others do",
}
"""In words, for people."""


@dataclass(frozen=True)
class Match:
    """How like each candidate is, n cells × C candidates; NaN where it cannot be told.

    Attributes:
        fate: [n, C], values of :class:`Fate`.
        correlation: [n, C], with the treated series, both less their straight lines.
        level: [n, C], mean of the training rows.
        trend_difference: [n, C], candidate less treated, share of the level a week.
        weekday_distance: [n, C], mean absolute difference of weekday profiles, share of the level.
    """

    fate: NDArray[np.int8]
    correlation: Floats
    level: Floats
    trend_difference: Floats
    weekday_distance: Floats


@dataclass(frozen=True)
class ControlSeries:
    """What candidates were put together to.

    Attributes:
        series: [n, T, k]; unused places are zero throughout.
        members: [n, C, k], true where a candidate is part of a series.
        match: what they were chosen by.
    """

    series: Floats
    members: NDArray[np.bool_]
    match: Match


def fill_missing(candidates: Floats, n_pre: int | None = None) -> tuple[Floats, Floats]:
    """Fill the gaps of candidates by how the others moved on that day.

    A missing figure becomes the candidate's mean times the day's movement: the sum of the others
    over the sum of their means. A day that no candidate has takes the movement of the days a week
    before and after, else of the nearest days.

    Args:
        candidates: [n, T, C]; NaN where there is no figure.
        n_pre: rows before the intervention, which means and missing days are counted in, so that
            nothing later decides on a control; all rows by default.

    Returns:
        The candidates without gaps, [n, T, C], all zero where there is no figure before the
        intervention, and the share of missing days of each, [n, C].
    """
    known = np.isfinite(candidates)
    if known.all():
        return candidates, np.zeros((candidates.shape[0], candidates.shape[2]))
    values = np.where(known, candidates, 0.0)
    before = known[:, :n_pre]
    missing = 1.0 - before.mean(axis=1)
    mean = values[:, :n_pre].sum(axis=1) / np.maximum(before.sum(axis=1), 1)
    weight = np.einsum("ntc,nc->nt", known, mean)
    total = values.sum(axis=2)
    movement = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight != 0)
    for row in np.flatnonzero(~np.isfinite(movement).all(axis=1)):
        movement[row] = _bridged(movement[row])
    return np.where(known, candidates, mean[:, None, :] * movement[:, :, None]), missing


def _bridged(movement: Floats) -> Floats:
    """Fill a day's movement from the same weekday around it, what is left from its neighbours."""
    known = np.isfinite(movement)
    if not known.any():
        return np.ones_like(movement)
    filled = movement.copy()
    for day in np.flatnonzero(~known):
        same = [d for d in (day - _WEEK, day + _WEEK) if 0 <= d < len(movement) and known[d]]
        if same:
            filled[day] = movement[same].mean()
    found = np.isfinite(filled)
    days = np.arange(len(movement))
    return np.interp(days, days[found], filled[found])


def match_candidates(y: Floats, candidates: Floats, missing: Floats, n_train: int) -> Match:
    """Measure how like the treated series each candidate is, and who can be compared.

    Args:
        y: [n, T] treated series, NaN where there is no figure.
        candidates: [n, T, C] without gaps.
        missing: [n, C] share of days that were filled.
        n_train: rows that may be looked at, the first ones.
    """
    series = candidates[:, :n_train]
    seen = np.isfinite(y[:, :n_train]).astype(np.float64)
    treated = np.where(seen > 0, y[:, :n_train], 0.0)
    count = np.maximum(seen.sum(axis=1), 1.0)
    days = np.arange(n_train, dtype=np.float64)
    constant = seen / np.sqrt(count)[:, None]
    centred = seen * (days - (seen @ days / count)[:, None])
    length = np.sqrt(np.maximum((centred**2).sum(axis=1), 1e-300))
    line = centred / length[:, None]
    movement = (
        treated
        - constant * np.einsum("nt,nt->n", constant, treated)[:, None]
        - line * np.einsum("nt,nt->n", line, treated)[:, None]
    )
    weekdays = seen[:, None, :] * (days % _WEEK == np.arange(_WEEK)[:, None])
    weekdays = weekdays / np.maximum(weekdays.sum(axis=2, keepdims=True), 1.0)
    probes = np.concatenate([constant[:, None], line[:, None], movement[:, None], weekdays], axis=1)
    parts = probes @ series  # [n, 3 + 7, C]: every figure below is one of these projections
    own = np.einsum("npt,nt->np", probes, treated)

    square = np.einsum("nt,ntc,ntc->nc", seen, series, series, optimize=True)
    moved = np.maximum(square - parts[:, 0] ** 2 - parts[:, 1] ** 2, 0.0)
    active = moved > 1e-10 * np.maximum(square, 1e-300)
    own_moved = (movement**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(
            active, parts[:, 2] / np.sqrt(moved * np.maximum(own_moved, 1e-300)[:, None]), np.nan
        )
        level = parts[:, 0] / np.sqrt(count)[:, None]
        own_level = own[:, 0] / np.sqrt(count)
        slope = _WEEK * parts[:, 1] / length[:, None] / level
        own_slope = _WEEK * own[:, 1] / length / own_level
        profile = parts[:, 3:] / level[:, None]
        own_profile = own[:, 3:] / own_level[:, None]
        trend = slope - own_slope[:, None]
        distance = np.abs(profile - own_profile[:, :, None]).mean(axis=1)
        noise = np.sqrt(moved / count[:, None]) / level
        trend_error = _WEEK * noise / length[:, None]
        # Of the mean of count / 7 days; the mean of a normal's absolute value is √(2/π) of its sd.
        weekday_error = np.sqrt(2.0 / np.pi * _WEEK / count)[:, None] * noise
    rules = [
        (Fate.WEEKDAYS, ~(distance <= MAX_WEEKDAY_DISTANCE + weekday_error)),
        (Fate.TREND, ~(np.abs(trend) <= MAX_TREND_DIFFERENCE + STANDARD_ERRORS * trend_error)),
        (Fate.FLAT, ~active | (_active_days(series) < MIN_ACTIVE_DAYS)),
        (Fate.MISSING, missing > MAX_MISSING),
    ]
    fate = np.full(correlation.shape, Fate.KEPT, dtype=np.int8)
    for rejected, applies in rules:
        fate[applies] = rejected
    usual = masked_median(correlation, fate == Fate.KEPT) - STANDARD_ERRORS / np.sqrt(count)
    fate[(fate == Fate.KEPT) & ~(correlation >= usual[:, None])] = Fate.UNRELATED
    return Match(fate, correlation, level, trend, distance)


def _active_days(series: Floats) -> NDArray[np.int64]:
    """Return the days with a figure other than zero in the half with fewer, [n, C]."""
    half = series.shape[1] // 2
    nonzero = series != 0
    days: NDArray[np.int64] = np.minimum(
        nonzero[:, :half].sum(axis=1), nonzero[:, half:].sum(axis=1)
    )
    return days


def aggregate(candidates: Floats, match: Match, n_series: int) -> ControlSeries:
    """Put the kept candidates together to a few series.

    The first series is the mean of all that were kept, which is steady. The others let the model
    follow what some share with the treated products: the best by correlation, alone or a few
    together, where correlations tell them apart (:data:`TELLING_CORRELATION`), else groups of all,
    formed without a look at the treated series. Candidates enter divided by the square root of
    their level, as the noise of counts grows: neither the biggest nor the noisiest rule a mean.

    Args:
        candidates: [n, T, C] without gaps.
        match: of the training rows.
        n_series: k, control series at most.
    """
    kept = match.fate == Fate.KEPT
    number = kept.sum(axis=1)
    groups = n_series - 1
    order = np.argsort(np.where(kept, -match.correlation, np.inf), axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(order.shape[1])[None, :], axis=1)
    best = rank // np.maximum(number // max(2 * groups, 1), 1)[:, None]
    # One that completes the mean would be collinear with the series before it.
    single = kept & (best < groups) & (rank < (number - 1)[:, None])
    dealt = (np.cumsum(kept, axis=1) - 1) % max(groups, 1)
    telling = (masked_median(match.correlation, kept) >= TELLING_CORRELATION)[:, None]
    place = np.where(telling, best, dealt)
    taken = np.where(telling, single, kept & (number > 2 * groups)[:, None]) & (groups > 0)
    members = np.zeros((*kept.shape, n_series), dtype=bool)
    members[:, :, 0] = kept
    cell, candidate = np.nonzero(taken)
    members[cell, candidate, place[cell, candidate] + 1] = True
    root = np.sqrt(np.where(kept & (match.level > 0), match.level, 1.0))
    size = np.maximum(members.sum(axis=1, keepdims=True), 1)
    weights = members / root[:, :, None] / size
    return ControlSeries(candidates @ weights, members, match)


def choose_controls(
    y: Floats,
    candidates: Floats,
    missing: Floats,
    n_train: int,
    n_series: int,
    line: NDArray[np.bool_],
) -> ControlSeries:
    """Choose controls from training rows and put them together.

    One more series than asked for comes last: a straight line, which the model may use like a
    control, where there shall be one.

    Args:
        y: [n, T] treated series, NaN where there is no figure.
        candidates: [n, T, C] without gaps (:func:`fill_missing`).
        missing: [n, C] share of days that were filled.
        n_train: training rows.
        n_series: control series at most.
        line: [n], whose last series is a straight line.
    """
    match = match_candidates(y, candidates, missing, n_train)
    chosen = aggregate(candidates, match, n_series)
    straight = np.arange(y.shape[1], dtype=np.float64) * line[:, None]
    none = np.zeros((*chosen.members.shape[:2], 1), dtype=bool)
    return ControlSeries(
        np.concatenate([chosen.series, straight[:, :, None]], axis=2),
        np.concatenate([chosen.members, none], axis=2),
        match,
    )
