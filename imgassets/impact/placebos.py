"""Placebos in time: fake interventions before the true one, where there is no effect to be found.

What a model that knew only the rows before a fake date says of the days after it, and what really
came: the error, in posterior standard deviations, tells how far the model's own interval can be
trusted (Abadie, Diamond and Hainmueller 2015, "in-time placebos"). Controls are chosen anew from
each fake date's own training rows: chosen with knowledge of the days to be predicted they would
track them too well, and the errors would be too small.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from imgassets.impact.controls import choose_controls
from imgassets.impact.fitting import fit_series
from imgassets.impact.options import ImpactOptions

Floats = NDArray[np.float64]

ENOUGH_PLACEBOS = 200
"""Placebos of like cells from which one fake date per cell is enough."""

TRAIN_SHARE = 0.25
"""Smallest share of the days before the intervention that a placebo trains on."""


@dataclass(frozen=True)
class Placebos:
    """Placebos of n cells, W windows, H horizons; NaN where a cell has none.

    Attributes:
        train_rows: rows trained on, [n, W]; 0 where there is no such window.
        actual: sum of what came, [n, W, H].
        predicted: sum predicted, [n, W, H].
        predicted_sd: its posterior standard deviation, [n, W, H].
    """

    train_rows: NDArray[np.int64]
    actual: Floats
    predicted: Floats
    predicted_sd: Floats

    @property
    def z(self) -> Floats:
        """Errors in posterior standard deviations, [n, W, H]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self.actual - self.predicted) / self.predicted_sd

    def part(self, cells: slice | NDArray[np.bool_]) -> Placebos:
        """Return the placebos of some of the cells."""
        return Placebos(**{field.name: getattr(self, field.name)[cells] for field in fields(self)})


def enough_windows(cells: int, windows: int) -> int:
    """Return how many fake dates each cell needs: fewer where there are many like cells.

    One date, the last before the true one, trains on the most rows and is most like the estimate
    itself; more dates serve where few cells would give too few errors.

    Args:
        cells: like cells.
        windows: dates at most.
    """
    return min(windows, -(-ENOUGH_PLACEBOS // max(cells, 1)))


def placebo_windows(n_pre: int, longest: int, windows: int, min_train: int) -> list[int]:
    """Return how many rows each placebo trains on, the longest first.

    The last one ends with the pre-period; the others lie half a horizon apart, so that no two
    predict the same days. Where the pre-period is short there are fewer, or one whose horizons
    reach as far as they can.

    Args:
        n_pre: rows before the intervention.
        longest: days of the longest horizon.
        windows: how many at most.
        min_train: fewest rows to train on.
    """
    least = max(min_train, round(TRAIN_SHARE * n_pre))
    step = max(longest // 2, 1)
    trained = [n_pre - longest - window * step for window in range(windows)]
    fitting = [rows for rows in trained if rows >= least]
    if fitting:
        return fitting
    return [least] if n_pre - least >= 1 else []


def run_placebos(
    y: Floats,
    candidates: Floats,
    missing: Floats,
    days: NDArray[np.int64],
    train_rows: list[int],
    line: NDArray[np.bool_],
    options: ImpactOptions,
) -> Placebos:
    """Predict the days after fake interventions.

    Args:
        y: [n, rows before the intervention], NaN where there is no figure. Nothing later is given.
        candidates: [n, rows before the intervention, C] without gaps.
        missing: [n, C] share of days that were filled.
        days: [n, H] days of each horizon; 0 where there is none.
        train_rows: of each placebo (:func:`placebo_windows`).
        line: [n], whose controls include a straight line.
        options: control series, model, and W, the places in the result.
    """
    n, n_pre = y.shape
    shape = (n, options.placebo_windows, days.shape[1])
    found = Placebos(
        np.zeros(shape[:2], dtype=np.int64),
        *(np.full(shape, np.nan) for _ in range(3)),
    )
    for window, rows in enumerate(train_rows):
        chosen = choose_controls(y, candidates, missing, rows, options.n_control_series, line)
        ends = np.where((days > 0) & (rows + days <= n_pre), rows + days, 0)
        fits = fit_series(y, chosen.series, rows, ends, line, options, alpha=0.0)
        found.train_rows[:, window] = rows
        found.actual[:, window] = fits.actual
        found.predicted[:, window] = fits.predicted
        found.predicted_sd[:, window] = fits.predicted_sd
    return found
