"""When products' new image sets went live: from files, and from changes of ordered sets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from imgassets import __version__
from imgassets.settings import Settings
from imgassets.warehouse.contracts import Interventions
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import quote

# A set that is made anew on each day of feeds changes only where its images do.
_FROM_SETS = """
WITH dated AS (
    SELECT *, lag(after) OVER (PARTITION BY category, product_id ORDER BY day) AS shown
    FROM image_set_changes
)
SELECT
    day + INTERVAL ({days}) DAY AS day, category, product_id, 'image_set' AS source,
    '' AS feed_file,
    format('{{}} added, {{}} removed, {{}} moved{{}}', len(added), len(removed), len(moved),
        if(hero_changed, ', new hero', '')) AS detail
FROM dated
WHERE if(shown IS NULL, status = 'changed', after <> shown)
"""

# The files that a category has today count, whatever the day: what they say of earlier days is
# known better than what was computed then.
_STANDING = """
SELECT day, category, product_id, unnest(sources) AS source
FROM standing_interventions WHERE day <= {day} ORDER BY category, product_id, day
"""

_NOTES = """
WITH data AS (
    SELECT category, min(day) AS first, max(day) AS last, count(DISTINCT day) AS days
    FROM engagement_daily GROUP BY ALL
), far AS (
    SELECT category, count(*) AS n, min(day) AS day, first, last
    FROM standing_interventions JOIN data USING (category)
    WHERE day <= first OR day > last + 1 GROUP BY ALL
)
SELECT '' AS category, format(
    '{{}} of {{}} days are missing in the engagement of {{}}',
    last - first + 1 - days, last - first + 1, string_agg(category, ', ' ORDER BY category)
) AS note
FROM data WHERE days < last - first + 1 GROUP BY last - first + 1, days
UNION ALL
SELECT category, format(
    'interventions in {{}} outside its engagement ({{}} to {{}}): {{}}, e.g. {{}}; they cannot be '
    'estimated before there is some', category, first, last, n, day)
FROM far
UNION ALL
SELECT category, format(
    'products of {{}} with a second intervention within {{}} days: {{}}; what one set did cannot '
    'be told from the other', category, {longest}, count(*))
FROM standing_interventions WHERE days_since_previous < {longest} GROUP BY category
ORDER BY ALL
"""


@dataclass(frozen=True)
class Derived:
    """What became of the interventions that changes of ordered sets make.

    Attributes:
        rows: interventions by ordered sets.
        changed: of these, new ones and those gone.
        snapshot_id: of the commit; None: nothing changed, so nothing was written.
    """

    rows: int
    changed: int
    snapshot_id: int | None


def derive_interventions(warehouse: Warehouse, settings: Settings, run_id: str = "") -> Derived:
    """Bring the interventions that changes of ordered sets make up to date.

    A product's set goes live `impact.live_after_days` after the first day on which it differs from
    the supplier's order, and again whenever its images or their order change.

    Args:
        warehouse: the warehouse.
        settings: gives the days until shoppers see a change.
        run_id: of the run that asks.
    """
    warehouse.initialise()
    found = warehouse.sql(_FROM_SETS.format(days=settings.impact.live_after_days))
    rows = Interventions.conform(found).sort(Interventions.primary_key())
    standing = warehouse.read(Interventions, where="source = 'image_set'")
    if rows.equals(standing):
        return Derived(rows.height, 0, None)
    key = Interventions.column_names()
    changed = rows.join(standing, on=key, how="anti").height
    changed += standing.join(rows, on=key, how="anti").height
    snapshot_id = warehouse.replace(
        [Replacement(Interventions, rows, equals={"source": "image_set"})],
        CommitMessage(asset="interventions", run_id=run_id, code_version=__version__),
    )
    return Derived(rows.height, changed, snapshot_id)


def standing_interventions(warehouse: Warehouse, as_of: date) -> pl.DataFrame:
    """Return the interventions that count, known as of a day.

    Where files name interventions of a category, they alone count there.

    Returns:
        Frame (day, category, product_id, source), sorted by category, product and day.
    """
    rows = warehouse.sql(_STANDING.format(day=quote(as_of)))
    schema = Interventions.create_empty().schema
    return rows.cast({name: schema[name] for name in rows.columns})


def data_notes(warehouse: Warehouse, settings: Settings) -> list[str]:
    """Return what stands in the way of estimates: days missing, dates outside the data, overlaps.

    Args:
        warehouse: the warehouse.
        settings: gives the longest horizon.
    """
    longest = 7 * settings.impact.horizons[-1]
    return warehouse.sql(_NOTES.format(longest=longest))["note"].to_list()
