"""What the warehouse says about how a deployment does, as numbers with labels."""

from __future__ import annotations

from typing import NamedTuple

from imgassets.operations.planning import fingerprints, stale_partitions
from imgassets.settings import Settings
from imgassets.warehouse.history import latest_snapshot
from imgassets.warehouse.lake import Warehouse

_RECENT_DAYS = 7
_RECENT = f"of the last {_RECENT_DAYS} days that have offers"

METRICS = {
    "up": "1 if a part could be looked at.",
    "look_seconds": "Time of the last look at a part.",
    "runs": "Runs that Dagster knows, by status.",
    "run_last_end_timestamp_seconds": "End of a job's last run of a status.",
    "run_last_duration_seconds": "Time that it took.",
    "asset_last_materialization_timestamp_seconds": "When an asset was last materialized.",
    "daemon_heartbeat_age_seconds": "Time since one of Dagster's daemons was seen.",
    "warehouse_last_commit_timestamp_seconds": "When a snapshot was made last.",
    "stale_partitions": "Partitions that are not up to date.",
    "stale_partitions_by_category": "Likewise, of each category that has any.",
    "offer_rows": f"Rows of offers, {_RECENT}.",
    "quarantined_rows": f"Rows refused, {_RECENT}, by stage and rule.",
    "storage_bytes": "Bytes of a part of the storage, when maintenance last looked.",
    "storage_files": "Files of it, likewise.",
}
"""What is told, by name without the prefix ``imgassets_``; units are in the name."""


class Measure(NamedTuple):
    """One number.

    Attributes:
        name: of ``METRICS``.
        value: the number.
        labels: values by name, the same names for all of one metric.
    """

    name: str
    value: float
    labels: dict[str, str] = {}  # noqa: RUF012  nobody writes to it


def warehouse_measures(warehouse: Warehouse, settings: Settings) -> list[Measure]:
    """Return the backlog, what is refused, what the storage takes, and when was written last.

    Raises:
        WarehouseError: there is no warehouse yet, or it cannot be opened.
    """
    stale = stale_partitions(warehouse, fingerprints(warehouse, settings))
    backlog = dict(stale.group_by("category").len().sort("category").iter_rows())
    measures = [
        Measure(
            "warehouse_last_commit_timestamp_seconds", latest_snapshot(warehouse).time.timestamp()
        ),
        Measure("stale_partitions", stale.height),
        *(
            Measure("stale_partitions_by_category", count, {"category": category})
            for category, count in backlog.items()
        ),
    ]
    refused = warehouse.sql(
        f"""
        WITH latest AS (SELECT max(day) - {_RECENT_DAYS} AS since FROM supplier_offers)
        SELECT stage, rule_id, count(*) AS refused FROM quarantine, latest
        WHERE day > since GROUP BY ALL ORDER BY ALL
        """
    )
    measures += [
        Measure("quarantined_rows", count, {"stage": stage, "rule": rule})
        for stage, rule, count in refused.iter_rows()
    ]
    offers = warehouse.sql(
        "SELECT count(*) FROM supplier_offers "
        f"WHERE day > (SELECT max(day) - {_RECENT_DAYS} FROM supplier_offers)"
    )
    measures.append(Measure("offer_rows", offers.item()))
    sizes = warehouse.sql(
        "SELECT kind, name, bytes + past_bytes, files + past_files FROM storage_sizes "
        "WHERE measured_at = (SELECT max(measured_at) FROM storage_sizes) ORDER BY ALL"
    )
    for kind, name, size, files in sizes.iter_rows():
        labels = {"kind": kind, "name": name}
        measures += [
            Measure("storage_bytes", size, labels), Measure("storage_files", files, labels)
        ]  # fmt: skip
    return measures
