"""Scoring customers' photos in guarded processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from imgassets.operations.photo_scores import PhotoScorer
from imgassets.reviews.prompt import LIMITS_FILE, PhotoScore
from imgassets.settings import Settings
from imgassets.vision.decode import Undecodable
from tests.reviews.photos import SPOILT, good_photo, jpeg


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    with PhotoScorer(Settings(home=tmp_path_factory.mktemp("home"))) as made:
        yield made


def test_photos_are_scored_side_by_side(scorer):
    photos = [good_photo(place) for place in range(4)]
    files = [jpeg(photo) for photo in photos] + [SPOILT["blurry"](p, 0.5) for p in photos]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(scorer.score, files))
    assert all(isinstance(one, PhotoScore) for one in found)
    assert [[p.id for p in one.problems] for one in found] == [[]] * 4 + [["blurry"]] * 4
    assert found == [scorer.score(file) for file in files]


def test_what_is_no_picture_is_refused_and_the_next_one_is_scored(scorer):
    for data in (b"", b"<html>no picture</html>", jpeg(good_photo())[:900]):
        refused = scorer.score(data)
        assert isinstance(refused, Undecodable)
        assert refused.detail.endswith(".")
    assert isinstance(scorer.score(jpeg(good_photo())), PhotoScore)


def test_a_shop_may_have_limits_of_its_own(tmp_path):
    own = tmp_path / "own.toml"
    strict = LIMITS_FILE.read_text(encoding="utf-8").replace("limit = 250", "limit = 700")
    own.write_text(strict, encoding="utf-8")
    with PhotoScorer(Settings(home=tmp_path, photo_limits=own)) as scorer:
        found = scorer.score(jpeg(good_photo()))
    assert [problem.id for problem in found.problems] == ["too_small"]
    with pytest.raises(ValueError, match=r"none\.toml"):
        PhotoScorer(Settings(home=tmp_path, photo_limits=tmp_path / "none.toml"))


def test_a_closed_scorer_says_so(tmp_path):
    scorer = PhotoScorer(Settings(home=tmp_path))
    scorer.close()
    with pytest.raises(RuntimeError, match="closed"):
        scorer.score(jpeg(good_photo()))
