"""Checks of the estimates: do placebos find nothing, and can most cells be estimated at all."""

import math
from collections.abc import Iterator

import dagster as dg

from imgassets.defs.checks import checked_rows
from imgassets.defs.partitions import DAY_CATEGORY
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

MAX_REFUSED = 0.5
"""Share of cells that may be refused; beyond, the data or the settings want a look."""

STANDARD_ERRORS = 3.0
"""How far placebos may be beside their nominal rate. Cells of one cohort share their days, so they
are counted as one."""

_QUERIES = {
    "untreated_products_show_nothing": """
        SELECT count(*) AS n, coalesce(avg((NOT covered_calibrated)::INT), 0) AS rate,
            count(DISTINCT (category, cohort)) AS independent
        FROM impact_placebos WHERE kind = 'A/A' AND covered_calibrated IS NOT NULL AND {where}
    """,
    "fake_dates_show_nothing": """
        SELECT count(*) AS n, coalesce(avg((NOT covered_calibrated)::INT), 0) AS rate,
            count(DISTINCT (category, cohort)) AS independent
        FROM impact_placebos WHERE kind = 'in time' AND covered_calibrated IS NOT NULL AND {where}
    """,
    "impressions_show_nothing": """
        SELECT count(*) AS n, coalesce(avg((lower > 0 OR upper < 0)::INT), 0) AS rate,
            count(DISTINCT (category, cohort)) AS independent
        FROM causal_impact WHERE metric = 'impressions' AND lower IS NOT NULL AND {where}
    """,
}
_DESCRIPTIONS = {
    "untreated_products_show_nothing": "Untreated products taken for treated: hardly more than "
    "alpha of the calibrated intervals leave out zero.",
    "fake_dates_show_nothing": "Fake dates before the true one: likewise.",
    "impressions_show_nothing": "Impressions, which a new set cannot change: likewise.",
    "few_cells_refused": f"At most {MAX_REFUSED:.0%} of the cells are refused.",
}


def tolerated(alpha: float, independent: int) -> float:
    """Return the share of false alarms that chance allows.

    Args:
        alpha: nominal share.
        independent: cohorts that the placebos are of.
    """
    return min(1.0, alpha + STANDARD_ERRORS * math.sqrt(alpha * (1 - alpha) / max(independent, 1)))


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            name, asset="causal_impact", description=text, partitions_def=DAY_CATEGORY
        )
        for name, text in _DESCRIPTIONS.items()
    ],
    can_subset=True,
)
def impact_checks(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> Iterator[dg.AssetCheckResult]:
    """Check the run's partitions; what fails is a warning: the rows say what they are."""
    where = checked_rows(context)
    for key in sorted(context.selected_asset_check_keys, key=str):
        if key.name in _QUERIES:
            n, rate, independent = warehouse.sql(_QUERIES[key.name].format(where=where)).row(0)
            limit = tolerated(settings.impact.alpha, independent)
            metadata = {"cells": n, "false_alarms": rate, "limit": limit, "cohorts": independent}
        else:
            n, rate = warehouse.sql(
                "SELECT count(*), coalesce(avg((status = 'refused')::INT), 0) FROM causal_impact "
                f"WHERE {where}"
            ).row(0)
            limit = MAX_REFUSED
            metadata = {"cells": n, "refused": rate, "limit": limit}
        yield dg.AssetCheckResult(
            passed=bool(rate <= limit),
            asset_key=key.asset_key,
            check_name=key.name,
            severity=dg.AssetCheckSeverity.WARN,
            metadata=metadata,
        )
