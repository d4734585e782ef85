"""Partition definitions and the mappings between them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

import dagster as dg

from imgassets.settings import Settings
from imgassets.warehouse.partitions import Partition

CATEGORY_TAG = "imgassets/category"
"""Tag of runs of one category, which dagster.yaml runs one at a time."""

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

DAY = dg.DailyPartitionsDefinition(
    start_date=Settings().first_day.isoformat(),
    end_offset=1,  # today's feeds are worked on today
)
CATEGORY = dg.DynamicPartitionsDefinition(name="category")
DAY_CATEGORY = dg.MultiPartitionsDefinition({"day": DAY, "category": CATEGORY})

VERTICAL = dg.DynamicPartitionsDefinition(name="vertical")
"""Families of categories, as categories.toml names them."""

ROUND = dg.DynamicPartitionsDefinition(name="round")
"""Rounds of the loop, spelled ``<flag>-<number>``, e.g. ``weapon-001``."""

ALL_DAYS_SO_FAR = dg.MultiPartitionMapping(
    {
        "day": dg.DimensionPartitionMapping(
            "day",
            dg.TimeWindowPartitionMapping(
                start_offset=-100_000, end_offset=0, allow_nonexistent_upstream_partitions=True
            ),
        ),
        "category": dg.DimensionPartitionMapping("category", dg.IdentityPartitionMapping()),
    }
)
"""A partition depends on the same category's partitions of every day up to its own."""


def parse_key(key: str) -> Partition:
    """Return the partition behind a Dagster key, spelled ``category|day``."""
    category, _, day = key.rpartition("|")
    return Partition(date.fromisoformat(day), category)


def to_key(partition: Partition) -> dg.MultiPartitionKey:
    """Return Dagster's key of a partition."""
    return dg.MultiPartitionKey({"day": partition.day.isoformat(), "category": partition.category})


def round_key(flag: str, number: int) -> str:
    """Return the key of a flag's round."""
    return f"{flag}-{number:03d}"


def parse_round(key: str) -> tuple[str, int]:
    """Return the flag and number behind a round's key.

    Raises:
        dg.Failure: the key, added by hand perhaps, names no round.
    """
    flag, _, number = key.rpartition("-")
    if not flag or not re.fullmatch("[0-9]+", number) or round_key(flag, int(number)) != key:
        raise dg.Failure(f"partition '{key}' is no round: use <flag>-<number>, e.g. weapon-001")
    return flag, int(number)


def parse_keys(keys: Iterable[str]) -> frozenset[Partition]:
    """Return the partitions behind Dagster keys."""
    return frozenset(parse_key(str(key)) for key in keys)


def run_partitions(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
) -> frozenset[Partition]:
    """Return the partitions of a run.

    Raises:
        dg.Failure: the run was launched for a range but names its first partition alone. Dagster
            1.13 does this to backfills of a job over two dimensions: it keeps the first
            partition's dimension tags beside the range's. Going on would leave out the others
            and still look like a success.
    """
    tags = context.run.tags
    if RANGE_START in tags and any(tag.startswith("dagster/partition/") for tag in tags):
        raise dg.Failure(
            f"Dagster launched this run for {tags[RANGE_START]} … {tags[RANGE_END]}, but handed it "
            "only the first partition: launch the backfill from the asset graph instead of a "
            "job's page, or with `imgassets backfill --launch`"
        )
    return parse_keys(context.partition_keys)


def category_requests(
    instance: dg.DagsterInstance, names: Iterable[str]
) -> list[dg.AddDynamicPartitionsRequest]:
    """Return a sensor's request to add those categories that there are not yet, if any."""
    new = sorted(set(names) - set(instance.get_dynamic_partitions(CATEGORY.name or "")))
    return [CATEGORY.build_add_request(new)] if new else []
