"""The contract of what the storage takes, over time."""

from __future__ import annotations

import dataframely as dy

from imgassets.warehouse.contract import Contract

STORED_KINDS = ("table", "catalog", "images", "signals")
"""What is measured: a table's files, the catalog's database, the image store, and signals that no
partition holds yet."""


class StorageSizes(Contract):
    """What one part of the storage took when maintenance last looked."""

    measured_at = dy.Datetime(
        primary_key=True, time_zone="UTC", time_unit="us", description="When, in UTC."
    )
    kind = dy.String(
        primary_key=True,
        check=lambda c: c.is_in(STORED_KINDS),
        description="table, catalog, images, or signals that no partition holds yet.",
    )
    name = dy.String(primary_key=True, description="The table's name; '' for other kinds.")
    rows = dy.Int64(
        nullable=True, min=0, description="A table's rows, the catalog's snapshots; else null."
    )
    files = dy.Int64(min=0, description="Files of what stands.")
    bytes = dy.Int64(min=0, description="Their bytes.")
    past_files = dy.Int64(min=0, description="Files that only older snapshots show, …")
    past_bytes = dy.Int64(min=0, description="… and their bytes.")
