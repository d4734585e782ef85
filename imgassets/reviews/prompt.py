"""The prompt to a customer before a review photo is submitted: a score, and what is wrong.

The paper on ranking review images (arXiv 2308.05390) names this use of its score: a customer who is
told at once what is wrong takes a better photo. The score here comes from measures with limits, not
from a learned ranker; it says nothing of taste, or of whether the photo shows the product. Whether
a photo is cluttered is left out: none of the measures tells clutter from pattern.
"""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from imgassets.vision.record import PhotoMeasures

LIMITS_FILE = Path(__file__).with_name("limits.toml")

AT_LIMIT = 0.5
"""Score of a measure exactly at its limit; a photo has a problem if its score is lower."""

_DIGITS = 3
"""Significant digits of a measure in words."""


class PhotoLimit(BaseModel):
    """When a photo has a problem; ``limits.toml`` says what each field means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    measure: str
    comparison: Literal["at least", "at most"]
    limit: float
    good: float
    worst: float
    scale: Literal["linear", "log"]
    unit: str
    advice: str

    @model_validator(mode="after")
    def _check(self) -> PhotoLimit:
        if self.measure not in PhotoMeasures._fields:
            raise ValueError(f"the measure is one of {', '.join(PhotoMeasures._fields)}")
        if self.scale == "log" and min(self.good, self.limit, self.worst) <= 0:
            raise ValueError("on a log scale every value is above 0")
        ordered = (self.worst, self.limit, self.good)
        if self.comparison == "at most":
            ordered = ordered[::-1]
        if not ordered[0] < ordered[1] < ordered[2]:
            raise ValueError(f"with '{self.comparison}' the limit lies between worst and good")
        return self

    def kept(self, value: float) -> bool:
        """Whether a measure keeps the limit."""
        return value >= self.limit if self.comparison == "at least" else value <= self.limit

    def score(self, value: float) -> float:
        """Return how good a measure is: 1 is good, 0.5 the limit, 0 the worst."""
        least, most = sorted((self.good, self.worst))
        value = min(max(value, least), most)
        if self.kept(value):
            return 1 - (1 - AT_LIMIT) * self._way(self.good, value, self.limit)
        return AT_LIMIT * self._way(self.worst, value, self.limit)

    def _way(self, start: float, value: float, end: float) -> float:
        """Return how far a value is from start to end, 0 … 1, in the limit's scale."""
        if self.scale == "log":
            start, value, end = math.log(start), math.log(value), math.log(end)
        return abs(value - start) / abs(end - start)


class Problem(NamedTuple):
    """One thing that is wrong with a photo.

    Attributes:
        id: the table of ``limits.toml``, e.g. ``blurry``.
        measured: what was found, in words.
        limit: what is allowed, likewise.
        advice: one sentence to the customer.
    """

    id: str
    measured: str
    limit: str
    advice: str


class PhotoScore(NamedTuple):
    """How good a photo is.

    Attributes:
        score: 0 … 1, the lowest of its measures' scores; below 0.5 there is a problem.
        problems: the worst first; empty if there are none.
    """

    score: float
    problems: tuple[Problem, ...]


def score_photo(measures: PhotoMeasures, limits: Mapping[str, PhotoLimit]) -> PhotoScore:
    """Score a photo by its measures, and say what is wrong with it."""
    found: list[tuple[float, Problem]] = []
    lowest = 1.0
    for problem_id, limit in limits.items():
        value = getattr(measures, limit.measure)
        score = limit.score(value)
        lowest = min(lowest, score)
        if not limit.kept(value):
            sign = "≥" if limit.comparison == "at least" else "≤"
            measured = f"{_digits(value)} {limit.unit}"
            allowed = f"{sign} {_digits(limit.limit)}"
            found.append((score, Problem(problem_id, measured, allowed, limit.advice)))
    found.sort(key=lambda pair: pair[0])
    return PhotoScore(lowest, tuple(problem for _, problem in found))


def _digits(value: float) -> str:
    return str(round(value)) if abs(value) >= 10**_DIGITS else f"{value:.{_DIGITS}g}"


def read_limits(path: Path) -> dict[str, PhotoLimit]:
    """Read a file of limits.

    Raises:
        ValueError: the file is no TOML, or a table is wrong; the message says which.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(dict[str, PhotoLimit]).validate_python(tables)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: no readable TOML file of limits: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {place}: {first['msg']}") from error


@functools.cache
def builtin_limits() -> Mapping[str, PhotoLimit]:
    """Return the limits that come with imgassets."""
    return read_limits(LIMITS_FILE)
