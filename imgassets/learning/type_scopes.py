"""Who types an image: its category's own model, else its vertical's, else the one of all."""

from __future__ import annotations

from typing import Literal, NamedTuple

import polars as pl

MODEL = "image_type"
"""Registered model of all categories together; the others' names start with it."""


class Scope(NamedTuple):
    """The images that one model of types is for.

    Attributes:
        kind: a category, a vertical (a family of categories), or all.
        name: its name; '' of all.
    """

    kind: Literal["category", "vertical", "global"]
    name: str

    @property
    def model(self) -> str:
        """Name of the registered model, e.g. ``image_type.category.mens-tees``."""
        return MODEL if self.kind == "global" else f"{MODEL}.{self.kind}.{self.name}"

    def __str__(self) -> str:
        """Return it as rows of ``image_types`` name it, e.g. ``category mens-tees``."""
        return f"{self.kind} {self.name}".strip()


GLOBAL = Scope("global", "")


def scope_of_model(model: str) -> Scope | None:
    """Return the scope of a registered model's name; None if it types nothing."""
    if model == MODEL:
        return GLOBAL
    for kind in ("category", "vertical"):
        prefix = f"{MODEL}.{kind}."
        if model.startswith(prefix):
            return Scope(kind, model.removeprefix(prefix))
    return None


def chain(category: str, vertical: str | None) -> tuple[Scope, ...]:
    """Return the scopes that may answer for a category, the closest first."""
    own = Scope("category", category)
    return (own, Scope("vertical", vertical), GLOBAL) if vertical else (own, GLOBAL)


def verticals_of(categories: pl.DataFrame) -> dict[str, str | None]:
    """Return category to vertical of a frame (category, vertical, …)."""
    return dict(categories.select("category", "vertical").iter_rows())


def in_scope(labelled: pl.DataFrame, scope: Scope, categories: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of ``labelled`` (with a column category) that belong to a scope."""
    if scope.kind == "global":
        return labelled
    if scope.kind == "category":
        return labelled.filter(pl.col("category") == scope.name)
    members = categories.filter(pl.col("vertical") == scope.name)["category"]
    return labelled.filter(pl.col("category").is_in(members.implode()))
