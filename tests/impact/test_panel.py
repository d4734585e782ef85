from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from imgassets.impact.panel import read_panel, scaled_total, shifted, shifted_controls
from imgassets.warehouse.impact_contracts import METRICS


def test_rows_become_an_array_with_gaps() -> None:
    rows = pl.DataFrame(
        {
            "product_id": ["b", "a", "a"],
            "day": [date(2026, 1, 3), date(2026, 1, 1), date(2026, 1, 3)],
            "impressions": [30.0, 10.0, float("nan")],
            "clicks": [3.0, -1.0, None],
            "add_to_cart": [float("inf"), 0.0, 2.0],
            "orders": [1.0, 0.0, 2.0],
        }
    )
    panel = read_panel(rows)
    assert panel is not None
    assert (panel.first_day, panel.last_day) == (date(2026, 1, 1), date(2026, 1, 3))
    assert panel.products == ("a", "b")
    figures = dict(zip(METRICS, panel.values, strict=True))
    nan = np.nan
    np.testing.assert_array_equal(figures["impressions"], [[10, nan], [nan, nan], [nan, 30]])
    np.testing.assert_array_equal(figures["clicks"], [[nan, nan], [nan, nan], [nan, 3]])
    np.testing.assert_array_equal(figures["add_to_cart"], [[0, nan], [nan, nan], [2, nan]])
    np.testing.assert_array_equal(panel.columns(["b", "zzz"]), [1])


def test_no_rows_are_no_panel() -> None:
    schema = {"product_id": pl.String, "day": pl.Date} | dict.fromkeys(METRICS, pl.Int64)
    assert read_panel(pl.DataFrame(schema=schema)) is None


def test_each_product_is_shifted_to_its_own_date() -> None:
    values = np.array([[1.0, 10], [2, 20], [3, 30], [4, 40]])
    moved = shifted(values, np.array([1, 2]), 2, 2)
    np.testing.assert_array_equal(moved, [[np.nan, 10], [1, 20], [2, 30], [3, 40]])


def test_controls_are_weighted_by_the_treated_of_each_date() -> None:
    values = np.arange(6, dtype=float)[:, None]
    moved = shifted_controls(values, np.array([2, 3]), np.array([0.75, 0.25]), 2, 3)
    np.testing.assert_allclose(moved[:, 0], np.arange(5) + 0.25)


def test_missing_products_are_made_good_by_their_usual_share() -> None:
    series = np.array([[10.0, 30], [10, 30], [np.nan, 60], [20, np.nan]])
    # Usual volumes 10 and 30: the second product alone stands for 3/4, the first for 1/4.
    total = scaled_total(series, 2)
    np.testing.assert_allclose(total[:3], [40, 40, 80])
    assert np.isnan(total[3])


@pytest.mark.parametrize(("first", "total"), [(0.0, 5.0), (np.nan, 5.0)])
def test_products_without_usual_volume_are_summed(first: float, total: float) -> None:
    assert scaled_total(np.array([[0.0, 0], [first, 5]]), 1)[1] == total
