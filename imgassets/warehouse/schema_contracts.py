"""The table that says which shape the other tables have."""

from __future__ import annotations

import dataframely as dy

from imgassets.warehouse.contract import Contract


class SchemaMigrations(Contract):
    """One migration that has changed, or is part of, the shape of this warehouse's tables."""

    number = dy.Int32(primary_key=True, min=1, description="Its number; the greatest is in force.")
    title = dy.String(min_length=1, description="What it changed.")
    release = dy.String(min_length=1, description="Release of imgassets that applied it.")
    applied_at = dy.Datetime(
        time_zone="UTC", time_unit="us", description="When it did, by that machine's clock, in UTC."
    )
