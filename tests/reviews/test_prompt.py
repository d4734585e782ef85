"""The prompt to customers: scores, problems, and the file of limits."""

from __future__ import annotations

import cv2
import pytest

from imgassets.reviews.prompt import (
    AT_LIMIT,
    LIMITS_FILE,
    PhotoLimit,
    builtin_limits,
    read_limits,
    score_photo,
)
from imgassets.vision.photo import measure_photo
from imgassets.vision.record import PhotoMeasures
from tests.reviews.photos import SPOILT, good_photo, jpeg

GOOD = PhotoMeasures(1600, 0.48, 230.0, 0.0, 0.2, 0.4, 0.9)


def scored(data: bytes):
    return score_photo(measure_photo(data), builtin_limits())


def problems(data: bytes) -> list[str]:
    return [problem.id for problem in scored(data).problems]


@pytest.mark.parametrize("place", range(8))
def test_a_good_photo_has_no_problem_at_any_size(place):
    photo = good_photo(place)
    for side in (280, 480, 1600):
        file = jpeg(cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA))
        found = scored(file)
        assert found.problems == (), side
        assert found.score >= AT_LIMIT


def test_there_is_a_spoilt_photo_of_every_problem():
    assert set(SPOILT) == set(builtin_limits())


@pytest.mark.parametrize("problem", SPOILT)
@pytest.mark.parametrize("place", [1, 3, 5])
def test_a_spoilt_photo_is_told_what_is_wrong_and_scores_less_the_worse_it_is(problem, place):
    photo = good_photo(place)
    files = [SPOILT[problem](photo, severity) for severity in (0.2, 0.6, 1.0)]
    assert all(problem in problems(file) for file in files)
    scores = [scored(jpeg(photo)).score, *(scored(file).score for file in files)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < scores[1] < AT_LIMIT < scores[0]


def test_a_picture_on_white_is_not_overexposed_but_one_with_a_blown_sky_is(draw_on_white):
    assert "overexposed" not in problems(jpeg(draw_on_white))
    sky = good_photo(1).copy()
    sky[: sky.shape[0] // 4] = 255
    assert "overexposed" in problems(jpeg(sky))


@pytest.fixture
def draw_on_white():
    shot = good_photo(1)
    white = cv2.copyMakeBorder(shot, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(255,) * 3)
    return white


def test_the_worst_problem_comes_first_and_gives_the_score():
    limits = builtin_limits()
    found = score_photo(GOOD._replace(sharpness=0.2, longer_side=240, noise=2.5), limits)
    assert [problem.id for problem in found.problems] == ["blurry", "noisy", "too_small"]
    assert found.score == pytest.approx(limits["blurry"].score(0.2))
    small = found.problems[2]
    assert (small.measured, small.limit) == ("240 px on the longer side", "≥ 250")
    assert small.advice == limits["too_small"].advice


def test_the_limit_itself_is_good_and_scores_half():
    limits = builtin_limits()
    for name, limit in limits.items():
        at = score_photo(GOOD._replace(**{limit.measure: limit.limit}), limits)
        assert at == (AT_LIMIT, ()), name
        worse = limit.limit * (0.999 if limit.comparison == "at least" else 1.001)
        found = score_photo(GOOD._replace(**{limit.measure: worse}), limits)
        assert [problem.id for problem in found.problems] == [name]
        assert found.score < AT_LIMIT


def test_scores_stay_between_0_and_1():
    limits = builtin_limits()
    assert score_photo(GOOD, limits) == (1.0, ())
    nothing = PhotoMeasures(1, 0.0, 0.0, 1.0, 200.0, 90.0, 0.0)
    worst = score_photo(nothing, limits)
    assert worst.score == 0.0
    assert {problem.id for problem in worst.problems} == set(limits)


def test_limits_are_read_from_a_file_of_ones_own(tmp_path):
    own = tmp_path / "own.toml"
    text = LIMITS_FILE.read_text(encoding="utf-8")
    own.write_text(text.replace("limit = 250", "limit = 700"), encoding="utf-8")
    found = score_photo(GOOD._replace(longer_side=600), read_limits(own))
    assert [problem.id for problem in found.problems] == ["too_small"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"measure": "beauty"}, "the measure is one of longer_side"),
        ({"scale": "log", "worst": 0.0}, "above 0"),
        ({"limit": 0.9}, "between worst and good"),
        ({"comparison": "at most"}, "between worst and good"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(change, says):
    blurry = builtin_limits()["blurry"].model_dump()
    with pytest.raises(ValueError, match=says):
        PhotoLimit(**{**blurry, **change})


def test_a_file_that_makes_no_sense_is_refused_by_name(tmp_path):
    wrong = tmp_path / "wrong.toml"
    for text, says in (
        ("[blurry", "no readable TOML"),
        ("[blurry]\nmeasure = 'sharpness'\n", "blurry.comparison: Field required"),
    ):
        wrong.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=says) as caught:
            read_limits(wrong)
        assert str(wrong) in str(caught.value)
    with pytest.raises(ValueError, match="no readable TOML"):
        read_limits(tmp_path / "none.toml")
