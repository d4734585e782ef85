"""Limits of the comparators: data, by category, tuned on labelled pairs and never by hand."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_SHIPPED = Path(__file__).with_name("thresholds.toml")


class _Table(BaseModel):
    """A table of the file; a misspelt limit is an error, not a silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SignalLimits(_Table):
    """Largest distances of stored signals.

    Attributes:
        phash: differing bits of 64, pHash of the object's box.
        edge_dhash: differing bits of 64, dHash of the edge-enhanced box.
        hsv: chi-square of the HSV histograms, 0 … 2.
    """

    phash: int = Field(ge=0, le=64)
    edge_dhash: int = Field(ge=0, le=64)
    hsv: float = Field(ge=0, le=2)


class GateLimits(_Table):
    """Largest distances of stored signals at which two pictures may be the same.

    Attributes:
        shape: differing bits of 64, pHash of the objects or of the whole pictures, the fewer.
        edges: likewise of their dHashes.
        hsv: chi-square of the HSV histograms, 0 … 2.
    """

    shape: int = Field(ge=0, le=64)
    edges: int = Field(ge=0, le=64)
    hsv: float = Field(ge=0, le=2)


class Limits(_Table):
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


class Thresholds(_Table):
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
    shipped = _shipped()
    if path is None:
        return Thresholds.model_validate(shipped)
    own = _load(path)
    default = _merged(shipped["default"], own.pop("default", {}), path)
    categories = own.pop("categories", {})
    if own:
        raise ValueError(f"{path}: no table is called {', '.join(sorted(own))}")
    try:
        return Thresholds(
            default=Limits.model_validate(default),
            categories={
                name: Limits.model_validate(_merged(default, table, path))
                for name, table in categories.items()
            },
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {where}: {first['msg']}") from error


@functools.cache
def _shipped() -> dict[str, Any]:
    return _load(_SHIPPED)


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read thresholds {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is no TOML: {error}") from error


def _merged(base: Mapping[str, Any], own: object, path: Path) -> dict[str, Any]:
    if not isinstance(own, dict):
        raise ValueError(f"{path}: limits are tables, not {own!r}")
    merged = dict(base)
    for name, value in own.items():
        inner = merged.get(name)
        merged[name] = (
            {**inner, **value} if isinstance(inner, dict) and isinstance(value, dict) else value
        )
    return merged
