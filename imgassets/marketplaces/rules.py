"""The rules of ``rules.toml``, read and checked."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, TypeAdapter, model_validator

from imgassets.marketplaces.measures import MEASURES, Measure
from imgassets.warehouse.contracts import MARKETPLACES

RULES_FILE = Path(__file__).with_name("rules.toml")

Limit = bool | int | float | list[int] | list[str] | str

_LIMIT_TYPES: dict[str, tuple[type, ...]] = {
    "at least": (int, float),
    "at most": (int, float),
    "one of": (list,),
    "is": (bool,),
    "": (str,),
}


class Rule(BaseModel):
    """One rule of one marketplace; ``rules.toml`` says what each field means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    authority: str
    title: str
    applies: Literal["all", "apparel", "not apparel"] = "all"
    scope: Literal["any image", "main image"] = "any image"
    effective_from: date
    effective_until: date | None = None
    measure: str = ""
    comparison: Literal["at least", "at most", "one of", "is", ""] = ""
    limit: Limit
    undecided: str = ""
    severity: Literal["required", "recommended"]
    source: str

    @model_validator(mode="after")
    def _check(self) -> Rule:
        if self.authority not in MARKETPLACES or not self.id.startswith(f"{self.authority}_"):
            raise ValueError(f"the id starts with its authority, one of {', '.join(MARKETPLACES)}")
        if self.decidable and (self.measure not in MEASURES or not self.comparison):
            raise ValueError(
                f"needs a comparison and a measure ({', '.join(MEASURES)}), or a reason 'undecided'"
            )
        if not self.decidable and (self.measure or self.comparison):
            raise ValueError("an undecided rule has no measure and no comparison")
        if type(self.limit) not in _LIMIT_TYPES[self.comparison]:
            raise ValueError(f"the limit {self.limit!r} does not fit '{self.comparison}'")
        if self.effective_until is not None and self.effective_until < self.effective_from:
            raise ValueError("ends before it begins")
        return self

    @property
    def decidable(self) -> bool:
        """Whether pixels, bytes, name or URL decide the rule."""
        return not self.undecided

    @property
    def measured_by(self) -> Measure:
        """The measure of a decidable rule.

        Raises:
            KeyError: the rule is not decidable.
        """
        return MEASURES[self.measure]

    def kept(self) -> pl.Expr:
        """Whether the measured value keeps the limit; null where there is no value.

        The limit itself is good. It takes on the column's type: a Float32 share is compared with
        the limit as Float32.
        """
        value = self.measured_by.value
        if isinstance(self.limit, list):
            return value.is_in(self.limit)
        if self.comparison == "at least":
            return value >= self.limit
        if self.comparison == "at most":
            return value <= self.limit
        return value == self.limit

    def limit_text(self) -> str:
        """Return the limit for a person, e.g. ``≥ 500 px on the longer side``."""
        if not self.decidable:
            return str(self.limit)
        unit = self.measured_by.unit
        if isinstance(self.limit, list):
            return f"{', '.join(map(str, self.limit))} {unit}".strip()
        if self.comparison == "is":
            return unit
        sign = "≥" if self.comparison == "at least" else "≤"
        scaled = round(float(self.limit) * self.measured_by.scale, 6)  # 0.85 × 100 is 85
        return f"{sign} {int(scaled) if scaled.is_integer() else scaled} {unit}"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rule: list[Rule]


def load_rules(path: Path = RULES_FILE) -> tuple[Rule, ...]:
    """Read a file of rules, sorted by authority and id.

    Raises:
        ValueError: the file is no TOML, a rule is wrong, or an id occurs twice; the message says
            which.
    """
    found = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).rule
    ids = [rule.id for rule in found]
    repeated = sorted({name for name in ids if ids.count(name) > 1})
    if repeated:
        raise ValueError(f"{path}: rule ids occur twice: {', '.join(repeated)}")
    return tuple(sorted(found, key=lambda rule: (rule.authority, rule.id)))


@functools.cache
def standing_rules() -> tuple[Rule, ...]:
    """Return the rules that come with imgassets, read once per process."""
    return load_rules()


def rules_version(rules: tuple[Rule, ...]) -> str:
    """Return a hash (16 hex digits) of what rules say; comments in the file do not count."""
    text = TypeAdapter(tuple[Rule, ...]).dump_json(rules)
    return hashlib.sha256(text).hexdigest()[:16]
