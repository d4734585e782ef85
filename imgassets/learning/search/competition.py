"""From items and queries to a search model, and what every step of it finds.

A model answers for images that it never learnt from, so its re-ranker has to learn on such images.
The training is therefore cut into folds of whole styles (cross-fitting; Chernozhukov et al., 2018):
for each fold, encoder, heads and reader learn from the others, and the re-ranker's lists are what
they find in it. The model itself learns from all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.search.attribute_heads import AttributeHeads
from imgassets.learning.search.data import Items, Judged, SearchData
from imgassets.learning.search.encoder import SearchEncoder
from imgassets.learning.search.encoders import Embedded, Held, Tuned, open_training
from imgassets.learning.search.features import GROUPS, PIXEL_GROUPS
from imgassets.learning.search.folds import Folds
from imgassets.learning.search.interpolation import Interpolation
from imgassets.learning.search.lists import make_lists, readings
from imgassets.learning.search.model import SearchModel
from imgassets.learning.search.query_attributes import QueryAttributes
from imgassets.learning.search.reranker_fit import Chosen, QueryList, fit_reranker
from imgassets.learning.search.runs import fused_run, image_run, reranked_run
from imgassets.learning.search.understanding import Understanding
from imgassets.search.baseline import WORDS, words_run
from imgassets.search.evaluation import MethodRun
from imgassets.search.measures import mean_of, measure
from imgassets.search.settings import DUAL

if TYPE_CHECKING:
    from imgassets.search.settings import SearchSettings
    from imgassets.settings import VisionSettings

IMAGES, TUNED = "images", "images, fine-tuned"
RERANKED, FUSED = "re-ranked", "words and re-ranked"
"""Methods, beside :data:`imgassets.search.baseline.WORDS`."""

_LOW = 0.05
"""Share of the answerable queries whose best image may score less than what is called low."""

_SHOWN = 10
"""Items of an answer that fine-tuning is judged by."""

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
        compared: nDCG@10 of each re-ranker on queries that it did not learn from, and of the
            retriever.
    """

    model: SearchModel
    runs: tuple[MethodRun, ...]
    notes: tuple[str, ...]
    interpolation: Interpolation | None
    n_train: int
    n_queries: int
    compared: dict[str, float]


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
    folds = Folds.of(data.train.rows, data.train_queries, data.seed)
    training = open_training(data.train, data.test, search, vision, data.seed, tell)
    held = [training.fit(folds.learnt(fold), folds.asked_outside(fold)) for fold in folds.all]
    everything = np.arange(len(data.train))
    base = training.fit(everything, data.train_queries)
    first = folds.all[0]

    questions = [folds.questions(fold) for fold in folds.all]
    rows, asked = data.train.rows[folds.held(first)], questions[first]

    def target(encoder: SearchEncoder, vectors: Floats) -> float:
        run = image_run(rows, asked.queries, encoder.embed_texts, vectors, most=_SHOWN)
        return mean_of(measure(run, asked.judgements, cut=1))

    trial = Held(
        held[first], folds.learnt(first), folds.asked_outside(first), folds.held(first), target
    )
    tuned = training.tune(base, data.train_queries, trial)
    steps = _Steps(data, search, folds, questions, held, tuned.embedded or base, tell)
    model, chosen = steps.train(GROUPS)
    runs = [
        MethodRun(WORDS, words_run(data.test.rows, data.test_queries.queries)),
        steps.images_run(IMAGES, base),
        *_tuned_run(steps, base, tuned),
    ]
    retriever = runs[-1].name
    reranked = steps.reranked_run(RERANKED, model, against=retriever)
    runs += [reranked, MethodRun(FUSED, fused_run([runs[0].run, reranked.run]), against=WORDS)]
    if ablate:
        for group in GROUPS:
            rest = tuple(other for other in GROUPS if other != group)
            if group in PIXEL_GROUPS and search.encoder == DUAL:
                pixels = [other for other in PIXEL_GROUPS if other != group]
                less = training.fit(everything, data.train_queries, pixels)
                runs.append(steps.images_run(f"{IMAGES}, without {group}", less, IMAGES))
            without, _ = steps.train(rest, chosen.loss)
            runs.append(steps.reranked_run(f"{RERANKED}, without {group}", without, RERANKED))
    return Found(
        model=model,
        runs=tuple(runs),
        notes=tuned.notes,
        interpolation=tuned.interpolation,
        n_train=len(data.train),
        n_queries=len(chosen.out_of_fold),
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


@dataclass(frozen=True)
class _Steps:
    """What comes after encoders: heads, reader and re-ranker, on some groups of features."""

    data: SearchData
    search: SearchSettings
    folds: Folds
    questions: Sequence[Judged]
    held: Sequence[Embedded]
    best: Embedded
    tell: Tell

    def train(self, groups: Sequence[str], loss: str = "") -> tuple[SearchModel, Chosen]:
        """Train a model that reads some groups of custom features."""
        self.tell(f"heads of attributes, on {', '.join(groups)}")
        understanding = Understanding(self.data.train, self.folds, groups, self.data.seed)
        lists: list[QueryList] = []
        for fold, embedded in zip(self.folds.all, self.held, strict=True):
            heads, reader = understanding.outside(fold, embedded.images)
            stage = self._untrained(embedded, heads, reader, groups)
            places = self.folds.held(fold)
            vectors = embedded.images[places]
            inputs = stage.reranker_inputs(vectors, self.data.train.features[places])
            lists += make_lists(
                stage, self.data.train.rows[places], self.questions[fold],
                vectors, inputs, self.search.depth, fold,
            )  # fmt: skip
        heads, reader = understanding.of_all(self.best.images, self.data.train_queries)
        whole = self._untrained(self.best, heads, reader, groups)
        chosen = fit_reranker(
            lists, readings(whole, groups, self.best.images.shape[1]),
            self.data.seed, loss or self.search.reranker, self.tell,
        )  # fmt: skip
        info = {"groups": list(groups), "reranker": chosen.reranker.info}
        model = replace(whole, reranker=chosen.reranker, low=_low(chosen, lists), info=info)
        return model, chosen

    def images_run(self, name: str, embedded: Embedded, against: str | None = None) -> MethodRun:
        """Return what an encoder alone finds in the test's gallery."""
        run = image_run(
            self.data.test.rows, self.data.test_queries.queries,
            embedded.encoder.embed_texts, embedded.images[len(self.data.train) :],
        )  # fmt: skip
        return MethodRun(name, run, against)

    def reranked_run(self, name: str, model: SearchModel, against: str) -> MethodRun:
        """Return what a model finds there."""
        test, vectors = self.data.test, self.best.images[len(self.data.train) :]
        inputs = model.reranker_inputs(vectors, test.features)
        queries = self.data.test_queries.queries
        run = reranked_run(model, test.rows, queries, vectors, inputs, self.search.depth)
        return MethodRun(name, run, against)

    def _untrained(
        self,
        embedded: Embedded,
        heads: AttributeHeads,
        reader: QueryAttributes,
        groups: Sequence[str],
    ) -> SearchModel:
        return SearchModel(
            embedded.encoder, heads, reader, None,  # type: ignore[arg-type]  # set when fitted
            tuple(groups), self.data.features_version, low=0.0,
        )  # fmt: skip


def _tuned_run(steps: _Steps, base: Embedded, tuned: Tuned) -> list[MethodRun]:
    """Return the fine-tuned encoder's run, if there was fine-tuning."""
    if tuned.interpolation is None and tuned.embedded is None:
        return []
    run = steps.images_run(TUNED, tuned.embedded or base, IMAGES)
    strength = "" if tuned.interpolation is None else f"{tuned.interpolation.strength:g}"
    return [run._replace(note=f"strength {strength} of LoRA" if strength else "")]


def _low(chosen: Chosen, lists: Sequence[QueryList]) -> float:
    """Return the score that all but a few answerable queries' best images reach."""
    slope, intercept = chosen.reranker.calibration
    best = [
        logits.max()
        for logits, one in zip(chosen.out_of_fold, lists, strict=True)
        if one.grades.max() >= 1
    ]
    return float(1 / (1 + np.exp(-(slope * np.quantile(best, _LOW) + intercept))))
