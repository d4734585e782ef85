"""What all assets share: owner, groups, kinds and the backfill policy."""

from typing import Any

import dagster as dg

from imgassets import __version__
from imgassets.defs.partitions import DAY_CATEGORY

OWNERS = ["team:image-platform"]


def model(*kinds: str) -> dict[str, Any]:
    """Return the arguments of an asset that trains a model or measures one."""
    return {
        "group_name": "models",
        "kinds": {"mlflow", *kinds},
        "owners": OWNERS,
        "code_version": __version__,
    }


def partitioned(group: str, *kinds: str) -> dict[str, Any]:
    """Return the arguments of a (day, category) asset in ``group``.

    One run covers all partitions of a backfill's rectangle: imports and models are paid for once.
    """
    return {
        "group_name": group,
        "kinds": {"duckdb", *kinds},
        "owners": OWNERS,
        "partitions_def": DAY_CATEGORY,
        "backfill_policy": dg.BackfillPolicy.single_run(),
        "code_version": __version__,
    }
