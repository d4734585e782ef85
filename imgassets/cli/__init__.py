"""The command line: `imgassets …`."""

from __future__ import annotations

from typing import Annotated

import typer

from imgassets import __version__
from imgassets.cli import (
    category,
    clicks,
    data,
    defects,
    demo,
    dictionary,
    doctor,
    exporter,
    forget,
    impact,
    label,
    maintain,
    matches,
    migrate,
    mock,
    models,
    pairs,
    query,
    review,
    review_ranks,
    reviews,
    search,
    search_evaluate,
    serve,
    training,
    types,
    work,
)
from imgassets.cli.common import run_app

app = typer.Typer(
    name="imgassets",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help=(
        "Supplier image feeds in, one ordered image set per product out.\n\n"
        "All state lives in the folder IMGASSETS_HOME (default `.imgassets`). Start with "
        "`imgassets demo`; on your own data: `ingest`, `categories import`, `labels import`, "
        "`train`, `backfill`, then `sql` and `gallery`."
    ),
)
categories = typer.Typer(no_args_is_help=True, help="The categories: their types and orders.")
labels = typer.Typer(no_args_is_help=True, help="People's labels of images.")
clicked = typer.Typer(no_args_is_help=True, help="Clicks on images.")
impacts = typer.Typer(no_args_is_help=True, help="What new image sets did to clicks and carts.")
questions = typer.Typer(no_args_is_help=True, help="Questions to people, and their answers.")
photos = typer.Typer(no_args_is_help=True, help="Customers' review photos: their ranks.")
typed = typer.Typer(no_args_is_help=True, help="Image types: comparisons and reports.")
synthetic = typer.Typer(no_args_is_help=True, help="What is drawn to train on: defects, types.")
labelled_pairs = typer.Typer(no_args_is_help=True, help="Pairs of pictures: where 'the same' ends.")
registered = typer.Typer(no_args_is_help=True, help="Registered models and their versions.")
searches = typer.Typer(
    no_args_is_help=True,
    cls=search.QueryOrCommand,
    help='Products by words and by what their images show: `imgassets search "navy shirt"`.',
)
app.add_typer(categories, name="categories")
app.add_typer(labels, name="labels")
app.add_typer(clicked, name="clicks")
app.add_typer(impacts, name="impact")
app.add_typer(synthetic, name="defects")
app.add_typer(questions, name="review")
app.add_typer(photos, name="reviews")
app.add_typer(registered, name="models")
app.add_typer(labelled_pairs, name="pairs")
app.add_typer(searches, name="search")

app.add_typer(typed, name="types")

app.command("demo")(demo.demo)
app.command("ingest")(data.ingest)
categories.command("import")(category.import_)
categories.command("list")(category.list_)
categories.command("resolve")(data.resolve)
typed.command("compare")(types.compare)
typed.command("report")(types.report)
labels.command("import")(label.import_)
labels.command("attributes")(label.attributes)
clicked.command("import")(clicks.import_)
impacts.command("ingest")(impact.ingest)
impacts.command("run")(impact.run)
impacts.command("report")(impact.report)
impacts.command("estimate")(impact.estimate)
questions.command("types")(review.types)
questions.command("pairs")(review.pairs)
questions.command("export")(review.export)
questions.command("import")(review.import_)
questions.command("status")(review.status)
questions.command("serve")(serve.serve_review)
photos.command("ingest")(reviews.ingest)
photos.command("rank")(review_ranks.rank)
photos.command("report")(review_ranks.report)
photos.command("top")(review_ranks.top)
synthetic.command("show")(defects.show)
synthetic.command("list")(defects.names)
labelled_pairs.command("tune")(pairs.tune)
labelled_pairs.command("train")(pairs.train)
app.command("compare-pairs")(pairs.compare)
registered.command("list")(models.list_models)
registered.command("card")(models.show_card)
registered.command("promote")(models.promote)
app.command("train")(training.train)
questions.command("round")(training.review_round)
app.command("backfill")(work.backfill)
app.command("matches")(matches.matches)
app.command("mock-run")(mock.mock_run)
# A query may start with a comment, "-- …", which is no option.
app.command("sql", context_settings={"ignore_unknown_options": True})(query.sql)
searches.command(search.QUERY)(search.query)
searches.command("index")(search.index)
searches.command("evaluate")(search_evaluate.evaluate)
app.command("gallery")(demo.gallery)
app.command("dictionary")(dictionary.dictionary)
app.command("forget")(forget.forget)
app.command("doctor")(doctor.doctor)
app.command("exporter")(exporter.exporter)
app.command("maintain")(maintain.maintain)
app.command("migrate")(migrate.migrate)
app.command("serve")(serve.serve)
app.command("env")(query.env)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"imgassets {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="And stop.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; errors are one line with the remedy and a non-zero exit code."""
    run_app(app)
