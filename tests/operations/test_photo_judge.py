"""Judging one photo: by the champion where there is one, in the words of the rules."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import polars as pl
import pytest

from imgassets.operations import photo_judge
from imgassets.operations.models import open_registry
from imgassets.operations.photo_judge import HELD_SECONDS, JudgedPhoto, PhotoJudge
from imgassets.operations.photo_ranker import RULES_MODEL, PhotoRanker
from imgassets.reviews.prompt import builtin_limits
from imgassets.settings import Settings, VisionSettings
from imgassets.vision.decode import Undecodable
from tests.reviews.photos import good_photo, jpeg


class Champions:
    """What the registry says, at a time that tests move on."""

    def __init__(self) -> None:
        self.now, self.asked = 0.0, 0
        self.champion: PhotoRanker | None = None

    def load(self, *_: object) -> PhotoRanker:
        self.asked += 1
        return self.champion or PhotoRanker(builtin_limits())

    def clock(self) -> float:
        return self.now


@pytest.fixture
def champions(monkeypatch: pytest.MonkeyPatch) -> Champions:
    made = Champions()
    monkeypatch.setattr(photo_judge, "load_photo_ranker", made.load)
    return made


@pytest.fixture
def judge(champions: Champions, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhotoJudge]:
    settings = Settings(home=tmp_path_factory.mktemp("home"), vision=VisionSettings(workers=1))
    with PhotoJudge(settings, open_registry(settings), champions.clock) as made:
        yield made


def by_brightness(photos: pl.DataFrame) -> np.ndarray:
    assert len(photos["embedding"][0]) > 100
    return photos["bright"].to_numpy().astype(np.float64) / 255


def test_the_rules_judge_until_there_is_a_champion(judge: PhotoJudge, champions: Champions) -> None:
    photo = good_photo()
    dark = jpeg((photo * 0.2).astype(np.uint8))
    blurred = jpeg(cv2.GaussianBlur(photo, (0, 0), 4))
    first = judge.judge(dark)
    assert isinstance(first, JudgedPhoto)
    assert (first.model_version, first.problems[0].id) == (RULES_MODEL, "dark")
    champions.champion = PhotoRanker(builtin_limits(), scores=by_brightness, version="ranker-4")
    assert judge.judge(dark) == first
    champions.now = HELD_SECONDS + 1
    by_champion = [judge.judge(data) for data in (dark, blurred)]
    assert champions.asked == 2
    scores = []
    for found, problem in zip(by_champion, ("dark", "blurry"), strict=True):
        assert isinstance(found, JudgedPhoto)
        assert (found.model_version, found.problems[0].id) == ("ranker-4", problem)
        scores.append(found.score)
    assert scores[0] < 0.4 < scores[1]
    assert isinstance(judge.judge(b"<html>"), Undecodable)
