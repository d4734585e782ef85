"""A ranker of photos: stored features in, a score out, by numpy alone.

The paper's Siamese network (arXiv 2308.05390) is one multilayer perceptron that scores both photos
of a pair; to rank, it is asked about one photo at a time. A ranker here may have several such
members, each of which reads some groups of features, and whose standardised scores are averaged.

A registered version carries a copy of this file beside the weights (see
:mod:`imgassets.learning.registry`): it must not import anything else of imgassets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float32]
Layer = tuple[Floats, Floats]
"""Weight [inputs, outputs] and bias [outputs]."""

Head = tuple[int, Floats, Floats]
"""A head of NIMA: place of its first feature, weight [d, 10], bias [10]."""

MEASURES: Mapping[str, float | None] = {
    "longer_side": 1.0,
    "sharpness": None,
    "bright": None,
    "clipped": 1e-3,
    "noise": 1e-2,
    "blockiness": 1e-2,
    "object_extent": None,
}
"""Measures of a photo; of those with a number only ratios count, above that least value."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "nima": ("nima",),
    "distributions": ("nima",),
    "size": ("width", "height"),
    "measures": tuple(MEASURES),
    "embedding": ("embedding",),
}
"""Groups of features and the columns that they are made of. ``nima``: NIMA's penultimate features;
``distributions``: what its heads make of them; ``size``: of the file; ``embedding``: the general
backbone's."""


@dataclass(frozen=True)
class LimitTerm:
    """What one limit of a measure adds to a score: nothing at the worst, ``weight`` at the good.

    Straight between three knots, as the limit's own score is. A distortion that no training pair
    shows leaves its weight where it started: so a ranker need not have seen hard compression to
    hold it for a fault.

    Attributes:
        measure: a key of :data:`MEASURES`.
        log: knots are logarithms of the measure.
        knots: where it is worst, at its limit, and good; rising or falling.
        weight: not negative.
    """

    measure: str
    log: bool
    knots: tuple[float, float, float]
    weight: float

    def shares(self, values: NDArray[np.floating]) -> Floats:
        """Return how good values [n] are: float32 [n], 0 worst, 0.5 at the limit, 1 good."""
        x = np.asarray(values, np.float64)
        if self.log:
            x = np.log(np.maximum(x, 1e-9))
        order = slice(None) if self.knots[0] < self.knots[-1] else slice(None, None, -1)
        return np.interp(x, self.knots[order], (0.0, 0.5, 1.0)[order]).astype(np.float32)


@dataclass(frozen=True)
class Member:
    """One perceptron, and terms of limits that are added to its answer; or limits alone.

    Attributes:
        groups: keys of :data:`COLUMNS`, in the order of its inputs.
        layers: rectified linear units stand between them; standardisation is folded in. None: the
            answer is the least of the terms, as a photo's score by rule is.
        terms: none for a plain perceptron.
        mean: of its raw scores of the photos it was trained on …
        spread: … and their standard deviation, by which members are made comparable.
    """

    groups: tuple[str, ...]
    layers: tuple[Layer, ...]
    terms: tuple[LimitTerm, ...] = ()
    mean: float = 0.0
    spread: float = 1.0


@dataclass(frozen=True)
class RankerModel:
    """Scores photos by their stored features.

    Attributes:
        approach: how it was trained.
        members: one or several.
        heads: NIMA's heads by kind, as they were when it was trained.
        features_version: what the features come from.
        info: how it was trained, JSON-able.
    """

    approach: str
    members: tuple[Member, ...]
    heads: Mapping[str, Head]
    features_version: str
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it reads."""
        groups = (group for member in self.members for group in member.groups)
        named = [name for group in groups for name in COLUMNS[group]]
        named += [term.measure for member in self.members for term in member.terms]
        return tuple(dict.fromkeys(named))

    def scores(self, photos: Any) -> NDArray[np.float64]:  # noqa: ANN401  polars' or pandas' frame
        """Score photos.

        Args:
            photos: a frame with `columns`; of ``nima`` and ``embedding`` each value is a list.

        Returns:
            float64 [n], 0 … 1: 0.5 is an average example of the training, higher is better.

        Raises:
            ValueError: the features have another length than those trained on.
        """
        if not len(photos):
            return np.zeros(0)
        columns = read_columns(photos, self.columns)
        found = np.mean([self._standardised(member, columns) for member in self.members], axis=0)
        return np.asarray(1 / (1 + np.exp(-np.clip(found, -50, 50))), np.float64)

    def _standardised(self, member: Member, columns: Mapping[str, Floats]) -> NDArray[np.float64]:
        features = assemble(columns, member.groups, self.heads)
        return (raw_scores(member, features, columns) - member.mean) / member.spread

    def predict_frame(self, photos: pd.DataFrame) -> pd.DataFrame:
        """Answer rows of `columns` with `score`."""
        import pandas as pd

        return pd.DataFrame({"score": self.scores(photos)}, index=photos.index)

    def save(self, folder: Path) -> None:
        """Write `ranker.safetensors` and `ranker.json` into `folder`, which is made if need be."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        tensors: dict[str, Floats] = {}
        for place, member in enumerate(self.members):
            for depth, (weight, bias) in enumerate(member.layers):
                tensors[f"member.{place}.weight.{depth}"] = np.ascontiguousarray(weight)
                tensors[f"member.{place}.bias.{depth}"] = np.ascontiguousarray(bias)
        for kind, (_, weight, bias) in self.heads.items():
            tensors[f"head.{kind}.weight"] = np.ascontiguousarray(weight)
            tensors[f"head.{kind}.bias"] = np.ascontiguousarray(bias)
        save_file(tensors, folder / "ranker.safetensors")
        described = {
            "approach": self.approach,
            "features_version": self.features_version,
            "heads": {kind: start for kind, (start, _, _) in self.heads.items()},
            "members": [
                {
                    "groups": member.groups,
                    "depth": len(member.layers),
                    "terms": [[t.measure, t.log, t.knots, t.weight] for t in member.terms],
                    "mean": member.mean,
                    "spread": member.spread,
                }
                for member in self.members
            ],
            "info": self.info,
        }
        (folder / "ranker.json").write_text(json.dumps(described, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> RankerModel:
        """Read a ranker that :meth:`save` wrote.

        Raises:
            ValueError: the folder does not hold what :meth:`save` writes.
        """
        from safetensors.numpy import load_file

        try:
            described = json.loads((Path(folder) / "ranker.json").read_text(encoding="utf-8"))
            tensors = load_file(Path(folder) / "ranker.safetensors")
            members = tuple(
                Member(
                    tuple(member["groups"]),
                    tuple(
                        (tensors[f"member.{place}.weight.{i}"], tensors[f"member.{place}.bias.{i}"])
                        for i in range(member["depth"])
                    ),
                    tuple(LimitTerm(m, log, tuple(k), w) for m, log, k, w in member["terms"]),
                    member["mean"],
                    member["spread"],
                )
                for place, member in enumerate(described["members"])
            )
            heads = {
                kind: (start, tensors[f"head.{kind}.weight"], tensors[f"head.{kind}.bias"])
                for kind, start in described["heads"].items()
            }
            return cls(
                described["approach"],
                members,
                heads,
                described["features_version"],
                described["info"],
            )
        except Exception as error:  # damaged weights fail in as many ways as there are formats
            raise ValueError(
                f"{folder} holds no readable ranker ({type(error).__name__}: {error}); register it "
                "again or train again"
            ) from error


load_model = RankerModel.load
"""What a registered version is loaded with."""


def read_columns(photos: Any, names: Sequence[str]) -> dict[str, Floats]:  # noqa: ANN401
    """Return columns of polars' or pandas' frame: float32 [n], or [n, d] where values are lists."""
    found = {}
    for name in names:
        values = photos[name]
        if name in ("nima", "embedding"):
            flat = np.asarray(values.explode(), dtype=np.float32)
            found[name] = flat.reshape(len(values), -1)
        else:
            found[name] = np.asarray(values, dtype=np.float32)
    return found


def assemble(
    columns: Mapping[str, Floats], groups: Sequence[str], heads: Mapping[str, Head]
) -> Floats:
    """Return the features of some groups beside each other.

    Args:
        columns: of :func:`read_columns`, n photos.
        groups: keys of :data:`COLUMNS`.
        heads: NIMA's, for the group ``distributions``.

    Returns:
        float32 [n, d]; d = 0 without groups.
    """
    n = len(next(iter(columns.values())))
    parts = [_GROUPS[group](columns, heads) for group in groups]
    return np.hstack([np.zeros((n, 0), np.float32), *parts])


def raw_scores(
    member: Member, features: Floats, columns: Mapping[str, Floats]
) -> NDArray[np.float64]:
    """Return a member's scores before they are standardised: float64 [n].

    Args:
        member: the perceptron and its terms.
        features: float32 [n, d], of its groups.
        columns: the measures of its terms.

    Raises:
        ValueError: the features have another length d.
    """
    shares = [term.weight * term.shares(columns[term.measure]) for term in member.terms]
    if not member.layers:
        least: NDArray[np.float64] = np.min(shares, axis=0).astype(np.float64)
        return least
    inputs = member.layers[0][0].shape[0]
    if features.shape[1] != inputs:
        raise ValueError(
            f"the ranker takes {inputs} features ({', '.join(member.groups)}), got "
            f"{features.shape[1]}: train it again (`imgassets train ranker`)"
        )
    values = features
    for weight, bias in member.layers[:-1]:
        values = np.maximum(values @ weight + bias, 0.0)
    weight, bias = member.layers[-1]
    found = (values @ weight + bias)[:, 0].astype(np.float64)
    return np.asarray(found + sum(shares), np.float64)


def _size(columns: Mapping[str, Floats], _: Mapping[str, Head]) -> Floats:
    """Logarithms (base 2) of width and height in pixels, and how far from a square they are."""
    width, height = (np.log2(np.maximum(columns[name], 1)) for name in ("width", "height"))
    return np.stack([width, height, np.abs(width - height)], axis=1)


def _measures(columns: Mapping[str, Floats], _: Mapping[str, Head]) -> Floats:
    found = [
        columns[name] if least is None else np.log(np.maximum(columns[name], np.float32(least)))
        for name, least in MEASURES.items()
    ]
    return np.stack(found, axis=1)


def _distributions(columns: Mapping[str, Floats], heads: Mapping[str, Head]) -> Floats:
    """Shares of the ratings 1 … 10, of each head in the order of their names."""
    found = []
    for _, (start, weight, bias) in sorted(heads.items()):
        logits = columns["nima"][:, start : start + len(weight)] @ weight + bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        found.append(powers / powers.sum(axis=1, keepdims=True))
    return np.hstack(found) if found else np.zeros((len(columns["nima"]), 0), np.float32)


_GROUPS = {
    "nima": lambda columns, _: columns["nima"],
    "embedding": lambda columns, _: columns["embedding"],
    "size": _size,
    "measures": _measures,
    "distributions": _distributions,
}
