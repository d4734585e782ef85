"""Limits of the comparators: data, by category, tuned on labelled pairs and never by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from imgassets.selection.by_category import Table, read_by_category

_SHIPPED = Path(__file__).with_name("thresholds.toml")


class SignalLimits(Table):
    """Largest distances of stored signals.

    Attributes:
        phash: differing bits of 64, pHash of the object's box.
        edge_dhash: differing bits of 64, dHash of the edge-enhanced box.
        hsv: chi-square of the HSV histograms, 0 … 2.
    """

    phash: int = Field(ge=0, le=64)
    edge_dhash: int = Field(ge=0, le=64)
    hsv: float = Field(ge=0, le=2)


class GateLimits(Table):
    """Largest distances of stored signals at which two pictures may be the same.

    Attributes:
        shape: differing bits of 64, pHash of the objects or of the whole pictures, the fewer.
        edges: likewise of their dHashes.
        hsv: chi-square of the HSV histograms, 0 … 2.
    """

    shape: int = Field(ge=0, le=64)
    edges: int = Field(ge=0, le=64)
    hsv: float = Field(ge=0, le=2)


class Limits(Table):
    """Limits of one category.

    Attributes:
        same_probability: the comparator's least probability of "same".
        gate: beyond any of these, two pictures differ and nobody looks at their pixels.
        ensemble: within all of these they are the same, where pixels are not compared.
        distances: largest distance that is "same", of comparators that stand alone (paper A, table
            IV), by name.
    """

    same_probability: float = Field(ge=0, le=1)
    gate: GateLimits
    ensemble: SignalLimits
    distances: Mapping[str, float] = Field(default_factory=dict)


class Thresholds(Table):
    """Limits of every category.

    Attributes:
        default: of categories without limits of their own.
        categories: the others'.
    """

    default: Limits
    categories: Mapping[str, Limits] = Field(default_factory=dict)

    def of(self, category: str) -> Limits:
        """Return a category's limits."""
        return self.categories.get(category, self.default)


def read_thresholds(path: Path | None = None) -> Thresholds:
    """Return the limits of a file, completed by the shipped ones.

    What the file's default leaves out is the shipped default; what a category leaves out, the
    file's default.

    Args:
        path: a TOML file: a table ``[default]``, tables ``[categories.<slug>]``; None: the shipped.

    Raises:
        ValueError: the file is missing, no TOML, or has a limit that is unknown or out of range.
    """
    default, categories = read_by_category(Limits, "thresholds", _SHIPPED, path)
    return Thresholds(default=default, categories=categories)
