"""Backfills handed to a running Dagster: by the command line and by a person in the browser."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.integration.conftest import Deployment

DAY = "2026-01-05"

pytestmark = pytest.mark.slow


def test_launch_without_a_webserver_is_one_clear_line(deployment: Deployment) -> None:
    done = deployment.imgassets("backfill", "--launch", "--category", "tablet")
    assert done.returncode == 1
    assert "no Dagster webserver answers at" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.soak
def test_launch_and_wait_runs_exactly_what_was_asked(dagster: Deployment) -> None:
    done = dagster.imgassets(
        "backfill", "--launch", "--wait", "--timeout", "500", "--category", "tablet", "--to", DAY
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert "succeeded" in done.stdout
    cells = dagster.rows("SELECT DISTINCT day, category FROM image_set_changes ORDER BY ALL")
    assert cells == [f"{DAY},tablet"]
    again = dagster.imgassets("backfill", "--launch", "--category", "tablet", "--to", DAY)
    assert again.returncode == 0
    assert "nothing to do" in again.stdout


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 2200, "height": 1400}, device_scale_factor=2)
    page.set_default_timeout(60_000)
    yield page
    page.close()


@pytest.mark.browser
@pytest.mark.soak
def test_a_person_backfills_two_partitions_in_the_ui(dagster: Deployment, page: Page) -> None:
    selection = quote('key:"supplier_offers" or key:"fetched_images"')
    page.goto(f"{dagster.url}/asset-groups~{selection}/")
    expect(page.get_by_text("feeds", exact=True).first).to_be_visible()
    expect(page.get_by_text("selection", exact=True)).to_have_count(0)
    page.get_by_role("button", name=re.compile("Materialize all")).click()
    category = page.get_by_text("Select a partition or create one").filter(visible=True)
    expect(category).to_have_count(1)
    category.click()
    page.get_by_text("t-shirt", exact=True).filter(visible=True).first.click()
    page.get_by_text("Launch runs to materialize").click()
    days = page.get_by_placeholder(re.compile("^ex: "))
    days.fill("[2026-01-05...2026-01-06]")
    days.press("Tab")
    expect(page.get_by_text("2 partitions", exact=True)).to_be_visible()
    earlier = set(backfills(dagster))
    page.get_by_role("button", name="Launch backfill").click()
    assert end_of_new_backfill(dagster, earlier) == "COMPLETED_SUCCESS"
    cells = dagster.rows(
        "SELECT DISTINCT day, category FROM fetched_images WHERE category = 't-shirt' ORDER BY 1"
    )
    assert cells == ["2026-01-05,t-shirt", "2026-01-06,t-shirt"]


CHAIN = (
    "supplier_offers",
    "fetched_images",
    "aggregated_images",
    "image_signals",
    "image_type_model",
    "quality_scores",
    "compliance_flags",
    "image_types",
    "dedup_clusters",
    "ordered_image_sets",
    "image_set_changes",
    "gallery",
)


@pytest.mark.browser
def test_the_asset_graph_has_a_picture(dagster: Deployment, page: Page, pictures: Path) -> None:
    """The way from offers to the gallery: a picture of all assets would show lines."""
    page.set_viewport_size({"width": 2200, "height": 1400})
    selection = quote(" or ".join(f'key:"{asset}"' for asset in CHAIN))
    page.goto(f"{dagster.url}/asset-groups~{selection}/")
    expect(page.get_by_text("selection", exact=True).first).to_be_visible()
    page.wait_for_timeout(2_000)
    page.mouse.click(600, 1350, button="right")
    page.get_by_role("menuitem", name=re.compile("Expand all groups")).click()
    page.get_by_role("button", name="zoom_out").click()  # what lies outside the window is cut off
    for asset in CHAIN:
        expect(page.get_by_text(asset, exact=True).first).to_be_visible()
    page.wait_for_timeout(4_000)  # the layout is animated, and statuses arrive later
    boxes = [page.get_by_text(asset, exact=True).first.bounding_box() for asset in CHAIN]
    left, top = (min(box[side] for box in boxes if box) for side in ("x", "y"))
    right, bottom = (
        max(box[side] + box[length] for box in boxes if box)
        for side, length in (("x", "width"), ("y", "height"))
    )
    margin = 60
    page.screenshot(
        path=pictures / "asset-graph.png",
        clip={
            "x": max(0, left - margin),
            "y": max(0, top - margin),
            "width": right - left + 2 * margin,
            "height": bottom - top + 2 * margin,
        },
    )
    assert (pictures / "asset-graph.png").stat().st_size > 20_000


@pytest.mark.soak
@pytest.mark.browser
def test_what_a_run_changed_has_a_picture(dagster: Deployment, page: Page, pictures: Path) -> None:
    done = dagster.imgassets(
        "backfill", "--launch", "--wait", "--timeout", "500", "--category", "tablet", "--to", DAY
    )  # which an earlier test has done, if it ran
    assert done.returncode == 0, done.stderr
    page.set_viewport_size({"width": 1300, "height": 1000})
    partition = quote(f"tablet|{DAY}")
    page.goto(f"{dagster.url}/assets/image_set_changes?view=events&partition={partition}")
    page.get_by_text("Show Markdown").first.click()
    shown = page.get_by_role("dialog").filter(has_text="before_and_after").first
    images = shown.locator("img")
    expect(images.first).to_be_visible()
    drawn = images.evaluate_all("all => all.filter(i => i.complete && i.naturalWidth > 40).length")
    assert drawn == images.count() >= 4
    shown.screenshot(path=pictures / "before-after.png")
    assert (pictures / "before-after.png").stat().st_size > 20_000


@pytest.mark.soak
def test_a_failed_backfill_is_told_by_the_exit_code(dagster: Deployment) -> None:
    landed = dagster.home / "feeds" / "2026-01-06"
    hidden = landed.with_name("hidden")
    landed.rename(hidden)
    try:
        done = dagster.imgassets(
            "backfill", "--launch", "--wait", "--timeout", "500",
            "--category", "laptop", "--from", "2026-01-06", "--to", "2026-01-06",
        )  # fmt: skip
    finally:
        hidden.rename(landed)
    assert done.returncode == 1
    assert "failed" in done.stderr


def backfills(deployment: Deployment) -> dict[str, str]:
    """Return the status of every backfill by id."""
    query = """{ partitionBackfillsOrError {
        ... on PartitionBackfills { results { id status } } } }"""
    answer = httpx2.post(f"{deployment.url}/graphql", json={"query": query}, timeout=60)
    results = answer.json()["data"]["partitionBackfillsOrError"]["results"]
    return {found["id"]: found["status"] for found in results}


def end_of_new_backfill(deployment: Deployment, earlier: set[str], seconds: float = 500) -> str:
    """Wait for the end of a backfill that is not among ``earlier``; return its status.

    The daemon looks only twice a minute, and a run loads Dagster anew: on two busy cores that takes
    minutes.
    """
    deadline = time.monotonic() + seconds
    status = "none was launched"
    while time.monotonic() < deadline:
        new = [status for id, status in backfills(deployment).items() if id not in earlier]
        status = new[0] if new else status
        if status.startswith("COMPLETED") or status == "FAILED":
            break
        time.sleep(2)
    return status
