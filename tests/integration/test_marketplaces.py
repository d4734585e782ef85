"""Marketplace rules through the command line, on the sample catalog."""

from __future__ import annotations

import pytest

from imgassets.marketplaces.measures import NO_URL
from imgassets.marketplaces.rules import standing_rules
from tests.integration.conftest import Deployment

pytestmark = pytest.mark.slow


@pytest.mark.soak
def test_a_backfill_judges_every_image_by_every_rule(deployment: Deployment) -> None:
    done = deployment.imgassets("backfill", "--category", "tablet", "--to", "2026-01-05")
    assert done.returncode == 0, done.stdout + done.stderr
    lost = deployment.rows(
        "SELECT product_id, image_id FROM aggregated_images "
        "ANTI JOIN marketplace_compliance USING (day, category, product_id, image_id)"
    )
    assert lost == []
    asked = set(deployment.rows("SELECT DISTINCT rule_id FROM marketplace_compliance"))
    # A tablet is no apparel, and the sample's days are before 2027.
    assert {rule.id for rule in standing_rules()} - asked == {
        "google_min_size_2027",
        "google_min_size_apparel",
    }
    (why,) = deployment.rows(
        "SELECT DISTINCT measured FROM marketplace_compliance WHERE rule_id = 'google_url_form'"
    )
    assert why == NO_URL
    assert deployment.rows("SELECT reasons FROM marketplace_refusals WHERE is_hero")
