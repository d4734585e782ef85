"""Commands that train: models on all that is known, and rounds of the loop that asks people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from imgassets.cli.common import CommandError, console, errors, open_warehouse, settings
from imgassets.cli.nima import check_options, train_heads
from imgassets.cli.ranker import train_ranker
from imgassets.cli.running import Verbose, run_plan, run_training
from imgassets.cli.search_training import train_search

if TYPE_CHECKING:
    from imgassets.settings import Settings

MODEL, GROUPS, ALL = "image_type", {"quality": "quality", "types": "type"}, "all"
"""Words for several models: image types of every scope; the flags of a group; everything that
there are examples of."""

CATEGORY, NIMA, RANKER, SEARCH = "category", "nima", "ranker", "search"
"""The model that predicts categories from texts; NIMA's heads, and the ranker of review photos; the
model that finds product images by text."""

_NO_SIGNALS = {CATEGORY, NIMA, RANKER, SEARCH}
"""Models that do not read the signals of product images."""


def train(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="image_type, flags (blurry, weapon …), quality: its three flags, types: those "
            "that all categories share (lifestyle …), category (of rows that name none), nima and "
            "ranker (of review photos), search (images by text), or all. Default: image_type and "
            "the flags that people have labelled."
        ),
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(
            help="Train image_type of this category alone (may be repeated). Default: the model of "
            "all, and those of verticals and categories with labels enough (types.min_labels)."
        ),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="nima: aesthetic or technical. Default: both.")
    ] = None,
    ratings: Annotated[
        Path | None,
        typer.Option(
            help="nima: CSV of people's ratings: image, and how many gave each rating (columns 1 … "
            "10) or mean and std. Default: distorted photos, whose ratings are made up.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="nima: folder of the rated images.", exists=True, file_okay=False),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Train models on what is known; promote a version only if it beats what answers now.

    Signals of the labelled images are computed first where they are missing. Flags also learn from
    synthetic pictures, which are made on the way; the first round takes some minutes.
    """
    of = settings()
    from imgassets.operations.planning import plan_missing_signals

    wanted = _with_scopes(of, _expand(of, models or ([MODEL] if category else None)), category)
    if NIMA in wanted:
        check_options(kind, ratings, images)
    elif kind or ratings or images:
        raise CommandError("--kind, --ratings and --images are for nima")
    missing = plan_missing_signals(open_warehouse(of), of)
    if missing.rows and not _NO_SIGNALS.issuperset(wanted):
        from imgassets.defs.jobs import SIGNAL_ASSETS

        run_plan(of, missing, SIGNAL_ASSETS, verbose)
    failed = []
    for model in wanted:
        try:
            if model == NIMA:
                train_heads(of, verbose, kind, ratings, images)
            elif model == RANKER:
                train_ranker(of, verbose)
            elif model == SEARCH:
                train_search(of, verbose)
            else:
                _train_one(of, model, verbose)
        except RuntimeError as error:
            if len(wanted) == 1:
                raise
            errors.print(
                f"[yellow]{model} was not trained:[/] {escape(str(error))}", soft_wrap=True
            )
            failed.append(model)
    if len(failed) == len(wanted):
        raise CommandError("no model was trained")
    console.print(f"everything else: MLflow at {of.mlflow_tracking_uri}", soft_wrap=True)


def review_round(
    flag: Annotated[str, typer.Argument(help="The flag, e.g. weapon.")],
    number: Annotated[int | None, typer.Option(help="Round; default: the next one.", min=1)] = None,
    verbose: Verbose = False,
) -> None:
    """Run a round of the loop: train, scan the catalog, and ask people about what was found.

    The first round needs a few labelled images (`imgassets labels import`). Afterwards answer its
    questions (`imgassets serve`, or `review export` and `review import`) and run the next round.
    """
    of = settings()
    from imgassets.defs.partitions import round_key
    from imgassets.defs.runner import add_round, open_instance
    from imgassets.moderation.flags import all_flags, require_known
    from imgassets.operations.rounds import next_round, require_turn

    require_known([flag], all_flags(of.flags))
    warehouse = open_warehouse(of)
    number = number or next_round(warehouse, flag)
    require_turn(warehouse, flag, number)  # before Dagster keeps a partition that cannot run
    key = round_key(flag, number)
    with open_instance(of) as instance:
        add_round(instance, key)
    found = run_training(of, "round_job", "review_rounds", verbose, key)
    console.print(
        f"{key}: model version {found['model_version']} of {found['n_positive']} positives and "
        f"{found['n_negative']} negatives, {found['n_answers']} answers so far",
        soft_wrap=True,
    )
    if "f1" in found:
        console.print(
            f"  holdout ({found['n_holdout']} examples): precision {found['precision']:.3f}, "
            f"recall {found['recall']:.3f}, F1 {found['f1']:.3f}"
        )
    console.print(
        f"  scanned {found['n_scanned']} images: {found['n_confident']} sure finds, "
        f"{found['n_uncertain']} in doubt, {found['n_neighbours']} neighbours of both"
    )
    console.print(f"  {found['n_tasks']} new questions: `imgassets review serve`")


def _expand(of: Settings, models: Sequence[str] | None) -> list[str]:
    """Return the models to train, without repeats, image_type first."""
    from imgassets.operations.category_resolution import open_rows
    from imgassets.operations.flags import flags_of, labelled_flags
    from imgassets.operations.labels import has_image_labels
    from imgassets.operations.nima import has_review_photos
    from imgassets.operations.search_training import has_image_sets

    flags = flags_of(of)
    names = [MODEL, CATEGORY, NIMA, RANKER, SEARCH, *GROUPS, ALL, *flags]
    unknown = sorted(set(models or []) - set(names))
    if unknown:
        known = ", ".join(names)
        raise CommandError(f"unknown model {', '.join(unknown)} (known: {known})")
    warehouse = open_warehouse(of)
    labelled = labelled_flags(warehouse)
    if not models:
        types = [MODEL] if has_image_labels(warehouse) or not labelled else []
        return [*types, *labelled]
    wanted: list[str] = []
    for model in models:
        if model == ALL:
            drawn = [flag.id for flag in flags.values() if flag.defects]
            wanted += [MODEL] * has_image_labels(warehouse) + [*drawn, *labelled]
            wanted += [CATEGORY] * bool(open_rows(warehouse))
            wanted += [NIMA, RANKER] * has_review_photos(warehouse)
            wanted += [SEARCH] * has_image_sets(warehouse)
        else:
            wanted += flags_of(of, GROUPS[model]) if model in GROUPS else [model]
    return list(dict.fromkeys(wanted))


def _with_scopes(
    of: Settings, models: Sequence[str], categories: Sequence[str] | None
) -> list[str]:
    """Return the models to train, image_type as the models of its scopes."""
    from imgassets.learning.type_scopes import GLOBAL, Scope
    from imgassets.operations.models import trainable_scopes

    if MODEL not in models:
        if categories:
            raise CommandError(
                "--category is for image_type: the other models serve all categories"
            )
        return list(models)
    if categories:
        scopes = [Scope("category", name) for name in dict.fromkeys(categories)]
    else:
        scopes = trainable_scopes(open_warehouse(of), of)
    others = [model for model in models if model != MODEL]
    return [*(scope.model for scope in scopes or [GLOBAL]), *others]


def _train_one(of: Settings, model: str, verbose: bool) -> None:
    from imgassets.defs.jobs import TYPE_JOBS
    from imgassets.defs.runner import add_scope, open_instance
    from imgassets.learning.type_scopes import scope_of_model

    scope = scope_of_model(model)
    if model == CATEGORY:
        found = run_training(of, "category_job", "category_model", verbose)
        shown = ["macro_f1", "accuracy", "precision", "coverage", "n"]
    elif scope is None:
        found = run_training(of, "flag_training_job", "flag_model", verbose, model)
        shown = ["precision", "recall", "f1", "false_discards", "n"]
    else:
        job, asset = TYPE_JOBS[scope.kind]
        with open_instance(of) as instance:  # labels may name what no feed has named yet
            add_scope(instance, scope)
        found = run_training(of, job, asset, verbose, scope.name or None)
        shown = ["macro_f1", "accuracy", "n"]
    if "version" not in found:
        console.print(f"{model}: {found['why']}", soft_wrap=True, markup=False)
        return
    approach = f" ({found['approach']})" if "approach" in found else ""
    console.print(
        f"{model} version {found['version']}{approach}: {found['why']}",
        soft_wrap=True,
        markup=False,
    )
    for note in found.get("notes", []):
        console.print(f"  {note}", soft_wrap=True, markup=False)
    for name in shown:
        if name in found:
            digits = 0 if name == "n" else 3
            console.print(f"  held out: {name:14} {found[name]:.{digits}f}")
