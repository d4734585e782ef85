"""`imgassets reviews ingest` and `imgassets forget`, as a person runs them."""

from __future__ import annotations

from pathlib import Path

from imgassets.warehouse.contracts import ForgottenReviews, ReviewImages
from tests.command import run_command
from tests.review_home import ReviewHome


def test_ingest_and_forget(tmp_path: Path) -> None:
    home = ReviewHome(tmp_path / "home", tmp_path / "shop")
    home.folder.mkdir()
    where = home.write(
        "r.csv", "one,p,bags,a.png,2026-01-05,1,2", "two,p,bags,a.png,2026-01-05,3,2"
    )
    environment = {"IMGASSETS_HOME": str(tmp_path / "home")}
    base = ("--image-base", str(home.folder))

    done = run_command("reviews", "ingest", where, *base, environment=environment)
    assert done.returncode == 0, done.stderr
    assert "1 files of reviews taken in (0 seen before): 1 new" in done.stdout
    assert "1 rows refused, 1 (day, category) partitions touched" in done.stdout
    assert "stage = 'reviews'" in done.stderr
    again = run_command("reviews", "ingest", where, *base, environment=environment)
    assert "1 files of reviews seen before: nothing to do" in again.stdout
    missing = run_command("reviews", "ingest", "nowhere", *base, environment=environment)
    assert (missing.returncode, missing.stderr.strip()) == (
        1, "error: nowhere: no such file or folder",
    )  # fmt: skip

    names = ("--review", "one", "--review", "who")
    plan = run_command("forget", *names, "--dry-run", environment=environment)
    assert plan.returncode == 0, plan.stderr
    assert "rows would go: 1 of review_images" in plan.stdout
    assert "snapshots of the whole warehouse" in plan.stdout
    assert "nothing is stored of review 'who'" in plan.stderr
    assert home.warehouse.read(ReviewImages).height == 1
    assert home.warehouse.read(ForgottenReviews).is_empty()
    done = run_command("forget", *names, "--yes", environment=environment)
    assert done.returncode == 0, done.stderr
    assert "forgotten: 2 reviews" in done.stdout
    assert home.warehouse.read(ReviewImages).is_empty()
    assert home.warehouse.read(ForgottenReviews).height == 2
