"""Training NIMA's heads from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from imgassets.cli.common import CommandError, console, errors
from imgassets.cli.running import run_training

if TYPE_CHECKING:
    from imgassets.settings import Settings

_SHOWN = 5
"""Refused rows that are printed; of the others, how many there are."""

_MEASURES = {
    "emd": "earth mover's distance",
    "emd_of_mean": "… of the mean distribution",
    "srcc": "Spearman of the means",
    "lcc": "Pearson of the means",
    "n": "photos",
}


def check_options(kind: str | None, ratings: Path | None, images: Path | None) -> None:
    """Raise CommandError unless the options fit each other; print the rows that are left out."""
    from imgassets.learning.nima.heads import KINDS
    from imgassets.operations.nima import rated_images

    if kind is not None and kind not in KINDS:
        raise CommandError(f"unknown kind {kind!r} (known: {', '.join(KINDS)})")
    if (ratings is None) != (images is None):
        raise CommandError("--ratings FILE and --images FOLDER go together")
    if ratings is None or images is None:
        return
    if kind is None:
        raise CommandError("say what --ratings rate: --kind aesthetic or --kind technical")
    refused = rated_images(ratings, images).refused
    for reason in refused[:_SHOWN]:
        errors.print(f"[yellow]left out:[/] {escape(reason)}", soft_wrap=True)
    if len(refused) > _SHOWN:
        errors.print(f"[yellow]left out:[/] {len(refused) - _SHOWN} more")


def train_heads(
    of: Settings, verbose: bool, kind: str | None, ratings: Path | None, images: Path | None
) -> None:
    """Train the head of one kind, or of each, and print how it did."""
    from imgassets.defs.reviews.nima import NIMA_JOBS

    config = {}
    if ratings is not None and images is not None:
        config = {"file": str(ratings.absolute()), "images": str(images.absolute())}
    for name in [kind] if kind else NIMA_JOBS:
        model = f"nima_{name}"
        found = run_training(of, f"{model}_job", model, verbose, config=config)
        console.print(
            f"{model} version {found['version']} (from {found['source']}): {found['why']}",
            soft_wrap=True,
            markup=False,
        )
        for measure, words in _MEASURES.items():
            if measure in found:
                digits = 0 if measure == "n" else 3
                console.print(f"  held out: {words:26} {found[measure]:.{digits}f}")
