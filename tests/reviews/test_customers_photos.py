"""The prompt on photographs that people took, half of which were spoilt on purpose."""

from __future__ import annotations

import polars as pl

from imgassets.reviews.prompt import builtin_limits, score_photo
from imgassets.vision.photo import measure_photo

FOUND_AS = {
    "blur": "blurry", "dark": "dark", "overexposed": "overexposed", "noise": "noisy",
    "compression": "compressed",
}  # fmt: skip


def test_badly_spoilt_photos_are_told_why_and_good_ones_rarely_blamed(shared):
    catalog = shared("catalog")
    truth = pl.read_csv(catalog / "truth" / "reviews.csv").sort("review_id")
    blamed, told = [], {kind: [] for kind in FOUND_AS}
    for row in truth[::3].iter_rows(named=True):
        file = catalog / "images" / "reviews" / f"{row['review_id']}.jpg"
        found = score_photo(measure_photo(file.read_bytes()), builtin_limits())
        kind = row["degraded_kind"]
        if not kind:
            blamed.append(bool(found.problems))
        elif row["severity"] >= 0.6:
            told[kind].append(FOUND_AS[kind] in [problem.id for problem in found.problems])
    assert sum(blamed) <= 0.06 * len(blamed)
    assert all(sum(of_kind) >= 0.8 * len(of_kind) > 0 for of_kind in told.values()), told
