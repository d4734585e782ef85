"""Fits of cells, some of which have a straight line among their controls."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from imgassets.impact.batch import Fits, fit_many
from imgassets.impact.options import ImpactOptions

Floats = NDArray[np.float64]


def fit_series(
    y: Floats,
    series: Floats,
    n_train: int,
    ends: NDArray[np.int64],
    line: NDArray[np.bool_],
    options: ImpactOptions,
    *,
    alpha: float,
    pointwise: bool = False,
) -> Fits:
    """Fit series with their controls.

    Where a straight line is among the controls, all of them are expected to matter: a slope that a
    short training period shows less surely than a long one would else be used less often there.

    Args:
        y: [n, T], NaN where there is no figure.
        series: controls, [n, T, k].
        n_train: training rows.
        ends: [n, H], ends of the horizons.
        line: [n], whose controls include a straight line.
        options: the model.
        alpha: intervals hold 1 - alpha; 0 leaves out intervals and tails.
        pointwise: also say what is expected of each row.
    """
    all_matter = replace(options.model, expected_model_size=float(series.shape[2] + 1))
    parts, places = [], []
    for cells, model in ((~line, options.model), (line, all_matter)):
        place = np.flatnonzero(cells)
        if len(place) or not len(y):
            n_pre = np.full(len(place), n_train)
            parts.append(
                fit_many(
                    y[place], series[place], n_pre, ends[place], model,
                    pointwise=pointwise, alpha=alpha,
                )
            )  # fmt: skip
            places.append(place)
    if len(parts) == 1:
        return parts[0]
    order = np.argsort(np.concatenate(places))
    return Fits(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])[order]
            for field in fields(Fits)
        }
    )
