"""From items and queries to a search model, and what every step of it finds.

The images to learn from are cut in two, by style: the encoder learns from one part; how far its
fine-tuning goes and what the re-ranker thinks of its answers is learnt from the other, whose images
the encoder never saw, as it never saw those that it will be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.evaluation import place_of
from imgassets.learning.search.attribute_fit import fit_attribute_heads
from imgassets.learning.search.attribute_heads import AttributeHeads
from imgassets.learning.search.data import Items, Judged, SearchData
from imgassets.learning.search.dual_training import LEARN, TEST, TUNE
from imgassets.learning.search.encoders import IMAGES, Encoders, train_encoders
from imgassets.learning.search.features import GROUPS, PIXEL_GROUPS, feature_matrix
from imgassets.learning.search.interpolation import Interpolation
from imgassets.learning.search.lists import make_lists, read_inputs
from imgassets.learning.search.model import SearchModel, known_values
from imgassets.learning.search.phrases import Phrases
from imgassets.learning.search.query_attributes import QueryAttributes
from imgassets.learning.search.questions import make_queries
from imgassets.learning.search.reading import teach_reader
from imgassets.learning.search.reranker_fit import Chosen, QueryList, fit_reranker
from imgassets.learning.search.runs import fused_run, image_run, reranked_run
from imgassets.learning.search.tokens import Vocabulary
from imgassets.search.baseline import WORDS, words_run
from imgassets.search.evaluation import MethodRun

if TYPE_CHECKING:
    from imgassets.search.settings import SearchSettings
    from imgassets.settings import VisionSettings

RERANKED, FUSED = "re-ranked", "words and re-ranked"
"""Methods, beside :data:`imgassets.search.baseline.WORDS`."""

_TUNE = 0.35
"""Share of the styles whose images the re-ranker learns from."""

_MADE_QUERIES = 600
"""Queries that are made of what is known of these images, at most, and at most two per image."""

_LOW = 0.05
"""Share of the answerable queries whose best image may score less than what is called low."""

Floats = NDArray[np.float32]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """What came out.

    Attributes:
        model: encoder, heads and re-ranker.
        runs: what each method finds in the test's gallery.
        notes: what a person should know.
        interpolation: how far fine-tuning went; None: there was none.
        n_train: items learnt from.
        n_queries: queries that the re-ranker learnt from.
        compared: nDCG@10 of each loss on queries that it did not learn from, and of the retriever.
    """

    model: SearchModel
    runs: tuple[MethodRun, ...]
    notes: tuple[str, ...]
    interpolation: Interpolation | None
    n_train: int
    n_queries: int
    compared: dict[str, float]


@dataclass(frozen=True)
class _Stage:
    """A model on one part's images, all of them embedded."""

    model: SearchModel
    vectors: Floats
    inputs: Floats


def compete(
    data: SearchData,
    search: SearchSettings,
    vision: VisionSettings,
    *,
    ablate: bool = False,
    tell: Tell = lambda what: None,
) -> Found:
    """Train a search model and run it, and what it is compared with, on the test's queries.

    Args:
        data: both parts.
        search: encoder, sizes, epochs, depth.
        vision: the general backbone and the device.
        ablate: also train without each group of custom features.
        tell: called with what is being done.

    Raises:
        ValueError: there is too little to learn from; the message says what is missing.
        RuntimeError: a model cannot be loaded.
    """
    learn, tune = _cut(data.train, data.seed)
    parts = {LEARN: learn, TUNE: tune, TEST: data.test}
    judged = {part: _over(data.train_queries, parts[part]) for part in (LEARN, TUNE)}
    made = make_queries(tune.rows, min(_MADE_QUERIES, 2 * len(tune)), data.seed)
    questions = _together(made, judged[TUNE])
    encoders = train_encoders(
        parts, judged[LEARN], questions, search, vision, data.seed, tell, without=ablate
    )
    best = encoders.best
    trainer = _Rerankers(parts, judged[LEARN], questions, encoders, data, search, tell)
    model, chosen = trainer.train(GROUPS)
    runs = [
        MethodRun(WORDS, words_run(data.test.rows, data.test_queries.queries)),
        *_encoder_runs(encoders, data),
        trainer.run(model, RERANKED, best.name),
    ]
    reranked = runs[-1]
    runs.append(MethodRun(FUSED, fused_run([runs[0].run, reranked.run]), against=WORDS))
    if ablate:
        for group in GROUPS:
            rest = tuple(other for other in GROUPS if other != group)
            less, _ = trainer.train(rest, chosen.loss)
            runs.append(trainer.run(less, f"{RERANKED}, without {group}", RERANKED))
    return Found(
        model=model,
        runs=tuple(runs),
        notes=encoders.notes,
        interpolation=encoders.interpolation,
        n_train=len(data.train),
        n_queries=questions.queries.height,
        compared=chosen.compared,
    )


def search_run(model: SearchModel, items: Items, queries: pl.DataFrame, depth: int) -> pl.DataFrame:
    """Return what a model finds.

    Args:
        model: any search model whose encoder takes the items' squares.
        items: what is searched.
        queries: ``query_id``, ``query``.
        depth: images that are re-ranked.

    Returns:
        Columns of :data:`imgassets.search.measures.RUN_SCHEMA`: every item for every query.
    """
    vectors = model.encoder.embed_images(items.squares, model.image_features(items.features))
    inputs = model.reranker_inputs(vectors, items.features)
    return reranked_run(model, items.rows, queries, vectors, inputs, depth)


def _encoder_runs(encoders: Encoders, data: SearchData) -> list[MethodRun]:
    """Return the runs of the encoders: as trained first, without features, fine-tuned."""
    queries = data.test_queries.queries
    return [
        MethodRun(
            one.name,
            image_run(data.test.rows, queries, one.encoder.embed_texts, one.images[TEST]),
            against=None if one.name == IMAGES else IMAGES,
            note=one.note,
        )
        for one in encoders.all
    ]


class _Rerankers:
    """Trains heads, the reader of queries and re-rankers on one encoder."""

    def __init__(
        self,
        parts: dict[str, Items],
        judged: Judged,
        questions: Judged,
        encoders: Encoders,
        data: SearchData,
        search: SearchSettings,
        tell: Tell,
    ) -> None:
        self._parts, self._judged, self._questions = parts, judged, questions
        self._best, self._data, self._search, self._tell = encoders.best, data, search, tell
        learn = parts[LEARN].rows
        self._vocabulary = Vocabulary.of([*Phrases(learn).texts(), *judged.queries["query"]])

    def train(self, groups: Sequence[str], loss: str = "") -> tuple[SearchModel, Chosen]:
        """Train a model that reads some groups of custom features."""
        self._tell(f"re-ranker on {', '.join(groups)}")
        heads = self._heads(groups)
        reader = self._reader(heads)
        tune = self._parts[TUNE]
        untrained = SearchModel(
            self._best.encoder, heads, reader, None, tuple(groups),  # type: ignore[arg-type]
            self._data.features_version, low=0.0,
        )  # fmt: skip
        vectors = self._best.images[TUNE]
        inputs = untrained.reranker_inputs(vectors, tune.features)
        lists = make_lists(
            untrained, tune.rows, self._questions, vectors, inputs,
            self._search.depth, self._data.seed,
        )  # fmt: skip
        read = read_inputs(untrained, groups, vectors.shape[1])
        chosen = fit_reranker(lists, read, self._data.seed, loss or self._search.reranker)
        model = replace(
            untrained, reranker=chosen.reranker, low=_low(chosen, lists),
            info={
                "groups": list(groups), "reranker": dict(chosen.reranker.info),
                "features_version": self._data.features_version,
            },
        )  # fmt: skip
        return model, chosen

    def run(self, model: SearchModel, name: str, against: str) -> MethodRun:
        """Return what a model finds in the test's gallery."""
        test, vectors = self._parts[TEST], self._best.images[TEST]
        inputs = model.reranker_inputs(vectors, test.features)
        queries = self._data.test_queries.queries
        run = reranked_run(model, test.rows, queries, vectors, inputs, self._search.depth)
        return MethodRun(name, run, against)

    def _heads(self, groups: Sequence[str]) -> AttributeHeads:
        if "attributes" not in groups:
            return AttributeHeads.none()
        learn = self._parts[LEARN]
        pixels = [group for group in PIXEL_GROUPS if group in groups]
        return fit_attribute_heads(
            learn.rows, self._best.images[LEARN], feature_matrix(learn.features, pixels),
            self._data.seed, pixels,
        )  # fmt: skip

    def _reader(self, heads: AttributeHeads) -> QueryAttributes:
        rows = self._parts[LEARN].rows
        values = known_values(heads)
        return teach_reader(rows, self._judged, values, self._vocabulary, self._data.seed)


def _cut(items: Items, seed: int) -> tuple[Items, Items]:
    """Cut items in two by a hash of their style: to learn from, and to tune by.

    Raises:
        ValueError: all of them are of one part.
    """
    place = {group: place_of(f"tune|{group}", seed) for group in items.rows["group_id"].unique()}
    tune = items.rows["group_id"].replace_strict(place, return_dtype=pl.Float64) < _TUNE
    if tune.all() or not tune.any():
        raise ValueError(
            f"{len(items)} images of {len(place)} styles are too few to train a search model: "
            "ingest more products with titles"
        )
    places = tune.to_numpy()
    return items.take(np.flatnonzero(~places)), items.take(np.flatnonzero(places))


def _over(judged: Judged, items: Items) -> Judged:
    """Return queries with an answer among some items."""
    judgements = judged.judgements.join(items.rows.select("item_id"), on="item_id", how="semi")
    answered = judgements.filter(pl.col("relevance") > 0)
    return Judged(judged.queries.join(answered, on="query_id", how="semi"), judgements)


def _together(made: Judged, judged: Judged) -> Judged:
    """Return queries of both, whose grades may be on scales of their own."""
    parts = []
    for source, of in (("made", made), ("judged", judged)):
        named = pl.lit(f"{source}:") + pl.col("query_id")
        parts.append(
            (of.queries.with_columns(query_id=named), of.judgements.with_columns(query_id=named))
        )
    return Judged(pl.concat([q for q, _ in parts]), pl.concat([j for _, j in parts]))


def _low(chosen: Chosen, lists: Sequence[QueryList]) -> float:
    """Return the score that all but a few answerable queries' best images reach."""
    slope, intercept = chosen.reranker.calibration
    best = [
        logits[one.retrieved].max()
        for logits, one in zip(chosen.out_of_fold, lists, strict=True)
        if one.retrieved.any()
    ]
    return float(1 / (1 + np.exp(-(slope * np.quantile(best, _LOW) + intercept))))
