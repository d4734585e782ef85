"""Limits tuned on the distances of labelled pairs, and the file that keeps them."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tomlkit
from tomlkit.exceptions import TOMLKitError

from imgassets.selection.comparators import Registered
from imgassets.selection.ensembles import Gate, PaperEnsemble, SignalEnsemble
from imgassets.selection.labelled_pairs import PairDistances
from imgassets.selection.thresholds import GateLimits, SignalLimits
from imgassets.selection.tuning import (
    Scores,
    TooFewPairs,
    best_limit,
    best_limits,
    covering_limit,
    pairs_needed,
    safe_limit,
    score,
)

_GREATEST = (64, 64, 2.0)
"""What no signal's distance exceeds; limits neither."""

_SLACK = 0.5
"""Room of the gate: a pair that is turned away is never looked at, one that passes costs little."""

_SIGNALS = {
    PaperEnsemble.name: tuple(SignalLimits.model_fields),
    SignalEnsemble.name: tuple(SignalLimits.model_fields),
    Gate.name: tuple(GateLimits.model_fields),
}
"""Names of the three distances of ensembles."""

_HEAD = (
    "Limits of the comparators. Tuned on labelled pairs by `imgassets pairs tune`; never by hand."
)


class TunedLimit(NamedTuple):
    """A comparator's limit, and how well it tells pairs apart.

    Attributes:
        name: of the comparator.
        limit: as a person reads it.
        tuned: scores on the pairs it was tuned on.
        test: on the others; None where there are none.
    """

    name: str
    limit: str
    tuned: Scores
    test: Scores | None


class TunedLimits(NamedTuple):
    """Limits of one category.

    Attributes:
        table: of the file of thresholds.
        limits: of each comparator.
        notes: sentences on limits that could not be tuned.
    """

    table: dict[str, Any]
    limits: list[TunedLimit]
    notes: list[str]


def tune(found: PairDistances, min_precision: float, confidence: float) -> TunedLimits:
    """Tune the limits of every comparator that was measured.

    Comparators of table IV get their best F1. The registered comparator's least probability, by
    which pictures are dropped, is the least with a proven precision, and the gate, beyond which
    nobody looks at pixels, lets all duplicates pass and is half as wide again; both stay as they
    are where the pairs are too few to prove anything.

    Args:
        found: distances of labelled pairs; those for tests are only scored.
        min_precision: of the registered comparator's "the same".
        confidence: in that precision; see :func:`imgassets.selection.tuning.precision_bound`.

    Raises:
        ValueError: among the pairs to tune on are none of the same or none of different pictures.
    """
    tuned = ~found.is_test
    same = found.same[tuned]
    table: dict[str, Any] = {}
    limits, notes = [], []
    singles: dict[str, float] = {}

    def add(name: str, limit: str, said: np.ndarray) -> None:
        on_test = score(said[~tuned], found.same[~tuned]) if found.is_test.any() else None
        limits.append(TunedLimit(name, limit, score(said[tuned], same), on_test))

    for name, distances in found.distances.items():
        if name != Registered.name:
            singles[name] = best_limit(distances[tuned], same)
            add(name, f"{singles[name]:g}", distances <= singles[name])
    for name, parts in found.parts.items():
        if name == Gate.name:
            continue
        three = _three(name, best_limits(parts[tuned], same))
        add(name, " ".join(f"{v:g}" for v in three.values()), _within(parts, three))
        if name == SignalEnsemble.name:
            table[name] = three
        else:
            singles |= {f"paper_{signal}": float(limit) for signal, limit in three.items()}
    if Gate.name in found.parts:
        n_same, needed = int(same.sum()), pairs_needed(min_precision, confidence)
        if n_same >= needed:
            columns = found.parts[Gate.name][tuned].T
            table[Gate.name] = _three(
                Gate.name, tuple(covering_limit(column, same, _SLACK) for column in columns)
            )
        else:
            notes.append(f"gate: left as it is, {n_same} of {needed} pairs of the same pictures")
    if Registered.name in found.distances:
        distances = found.distances[Registered.name]
        try:
            limit = safe_limit(distances[tuned], same, min_precision, confidence)
        except TooFewPairs as error:
            notes.append(f"same_probability: left as it is, {error}")
        else:
            table["same_probability"] = round(1 - limit, 15)
            add(Registered.name, f"{1 - limit:.4g}", distances <= limit)
    if singles:
        table["distances"] = singles
    return TunedLimits(table, limits, notes)


def _three(ensemble: str, limits: tuple[float, ...]) -> dict[str, float]:
    """Return an ensemble's limits by name, in the range and type that the file has."""
    bits, other_bits, hsv = np.minimum(limits, _GREATEST).tolist()
    return dict(zip(_SIGNALS[ensemble], (int(bits), int(other_bits), hsv), strict=True))


def _within(parts: np.ndarray, limits: Mapping[str, float]) -> np.ndarray:
    return np.all([parts[:, k] <= limit for k, limit in enumerate(limits.values())], axis=0)


def write_limits(path: Path, category: str | None, table: Mapping[str, Any]) -> None:
    """Set limits in a file of thresholds, which is made if it does not exist.

    Other tables, other limits of the same table and comments stay.

    Args:
        path: the TOML file; see :func:`imgassets.selection.thresholds.read_thresholds`.
        category: whose limits they are; None: the default.
        table: limits by name, some in tables of their own.

    Raises:
        ValueError: the file is no TOML or holds something else there, or cannot be written.
    """
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        document = tomlkit.document()
        document.add(tomlkit.comment(_HEAD))
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise ValueError(f"{path} cannot be read as TOML: {error}") from error
    into: MutableMapping[str, Any] = document
    for name in ("default",) if category is None else ("categories", category):
        into = _table(path, into, name, is_super=name == "categories")
    _fill(path, into, table)
    temporary = path.with_name(path.name + ".new")
    try:
        temporary.write_text(tomlkit.dumps(document), encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ValueError(f"cannot write {path}: {error.strerror}") from error


def _fill(path: Path, into: MutableMapping[str, Any], table: Mapping[str, Any]) -> None:
    into.update({name: value for name, value in table.items() if not isinstance(value, Mapping)})
    for name, value in table.items():
        if isinstance(value, Mapping):
            _fill(path, _table(path, into, name), value)


def _table(
    path: Path, within: MutableMapping[str, Any], name: str, is_super: bool = False
) -> MutableMapping[str, Any]:
    """Return a table of this name; it is made if there is none.

    Args:
        path: of the file, for errors.
        within: what the table is looked for in.
        name: of the table.
        is_super: it holds tables alone, so that a new one needs no line of its own.
    """
    if name not in within:
        within[name] = tomlkit.table(is_super_table=is_super or None)
    found = within[name]
    if not isinstance(found, MutableMapping):
        raise ValueError(f"{path}: {name} is no table")
    return found
