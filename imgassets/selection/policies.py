"""The ordering policy: data, by category."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from imgassets.selection.by_category import Table, read_by_category

_SHIPPED = Path(__file__).with_name("policies.toml")

Bypass = Literal["no_image", "single_image", "curated"]
HeroTest = Literal[
    "first_type", "one_item",
    "white_background", "frame_fill", "sharpness", "longest_side", "quality",
]  # fmt: skip

MEASURED = ("white_background", "frame_fill", "sharpness", "longest_side", "quality")
"""Hero rules that hold a measure against a limit; all but ``longest_side`` are 0 … 1."""


class HeroRule(Table):
    """One thing that the first image shall be.

    Attributes:
        rule: what it is.
        at_least: of a measure, the smallest that will do.
        within: or, how much less than the best candidate's will do.
    """

    rule: HeroTest
    at_least: float | None = Field(None, ge=0)
    within: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _check(self) -> HeroRule:
        given = [value for value in (self.at_least, self.within) if value is not None]
        if self.rule not in MEASURED:
            if given:
                raise ValueError(f"{self.rule} has no limit")
        elif len(given) != 1:
            raise ValueError(f"{self.rule} needs either at_least or within")
        elif self.rule != "longest_side" and given[0] > 1:
            raise ValueError(f"{self.rule} is 0 … 1, not {given[0]:g}")
        return self


class ClickPolicy(Table):
    """Whether and how the order is learned from clicks.

    Attributes:
        learned: clicks order the images of products that have enough.
        shrinkage: looks that the mean rate of the policy's place counts as.
        min_impressions: impressions of a product's images that are enough.
    """

    learned: bool
    shrinkage: float = Field(gt=0)
    min_impressions: int = Field(ge=1)


class Policy(Table):
    """How the image sets of one category are ordered.

    Attributes:
        hero: rules of the first image, in the order in which they are asked.
        push_down: types that come after all others.
        min_images: fewest images of a set.
        max_images: most images of a set; 0: no limit.
        min_relevance: less relevance to title and description sends an image to the end.
        bypass: products that are left as they are.
        clicks: the learned order.
    """

    hero: tuple[HeroRule, ...]
    push_down: tuple[str, ...]
    min_images: int = Field(ge=0)
    max_images: int = Field(ge=0)
    min_relevance: float = Field(ge=0, le=1)
    bypass: tuple[Bypass, ...]
    clicks: ClickPolicy

    @model_validator(mode="after")
    def _check(self) -> Policy:
        if 0 < self.max_images < self.min_images:
            raise ValueError(
                f"max_images = {self.max_images} is less than min_images = {self.min_images}"
            )
        return self


class OrderingPolicies(Table):
    """Policies of every category.

    Attributes:
        default: of categories without one of their own.
        categories: the others'.
    """

    default: Policy
    categories: Mapping[str, Policy] = Field(default_factory=dict)

    def of(self, category: str) -> Policy:
        """Return a category's policy."""
        return self.categories.get(category, self.default)

    def shared(self, categories: Collection[str]) -> list[tuple[Policy, list[str]]]:
        """Return the policies of some categories, each with those that share it, sorted."""
        groups: dict[Policy, list[str]] = {}
        for category in sorted(categories):
            groups.setdefault(self.of(category), []).append(category)
        return list(groups.items())


def read_policies(path: Path | None = None) -> OrderingPolicies:
    """Return the policies of a file, completed by the shipped ones.

    Args:
        path: a TOML file in the form of ``policies.toml``; None: the shipped one.

    Raises:
        ValueError: the file is missing, no TOML, or has a key that is unknown or out of range.
    """
    default, categories = read_by_category(Policy, "policies", _SHIPPED, path)
    return OrderingPolicies(default=default, categories=categories)
