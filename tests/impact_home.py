"""A warehouse with simulated engagement: tablets, whose carts rose by a fifth, and laptops."""

from __future__ import annotations

from pathlib import Path

from imgassets.defs.resources import open_warehouse
from imgassets.operations.engagement import take_in_engagement, take_in_interventions
from imgassets.sample.engagement import FIRST_LIVE, SampleEngagement, write_sample_engagement
from imgassets.settings import Settings

LIFTED, UNTOUCHED = "tablet", "laptop"


def fill(home: Path) -> tuple[Settings, SampleEngagement]:
    """Take simulated engagement and interventions into the warehouse of a home."""
    live = {(category, f"{category}-1"): FIRST_LIVE for category in (LIFTED, UNTOUCHED)}
    files = write_sample_engagement(home / "files", live)
    settings = Settings(home=home)
    warehouse = open_warehouse(settings)
    take_in_engagement(warehouse, settings, str(files.engagement))
    take_in_interventions(warehouse, settings, str(files.interventions))
    return settings, files
