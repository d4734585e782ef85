"""`imgassets demo`, whole: what a newcomer runs first, and the picture the README shows of it."""

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.command import other_variables
from tests.integration.conftest import BIN


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the demo's gallery page and what it printed."""
    home = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [BIN / "imgassets", "demo"],
        env={**other_variables(), "IMGASSETS_HOME": str(home), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return home / "galleries" / "demo.html", done.stdout


@pytest.mark.slow
def test_the_demo_ends_with_a_scoreboard_and_a_gallery(demo: tuple[Path, str]) -> None:
    page, printed = demo
    assert f"gallery: {page}" in printed
    # The catalog is drawn anew each time from one seed: these are facts, not hopes.
    for measure in ("Usable images aggregated", "Broken files quarantined"):
        row = next(line for line in printed.splitlines() if measure in line)
        assert row.count("100.0%") == 2, row
    order = next(line for line in printed.splitlines() if "order is exactly right" in line)
    # Eight more have a picture with a promotional badge beside its clean twin: another picture, and
    # the demo trains no model that finds badges.
    assert int(re.findall(r"\d+", order)[0]) >= 15, order
    assert page.read_text().count("Hero") >= 30


@pytest.mark.browser
def test_the_gallery_has_a_picture(
    browser: Browser, demo: tuple[Path, str], pictures: Path
) -> None:
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.goto(demo[0].as_uri())
    expect(page.get_by_text("Left out").first).to_be_visible()
    page.screenshot(path=pictures / "gallery.png")
    page.close()
    assert (pictures / "gallery.png").stat().st_size > 50_000
