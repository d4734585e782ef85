"""The operator of review photos: one decode, then one forward pass each of two networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.vision.backbones import Backbone, load_backbone
from imgassets.vision.engine import run_operator
from imgassets.vision.nima import Towers, load_towers
from imgassets.vision.operator import Load, SignalsOperator, fields_of, stacked
from imgassets.vision.photo_schema import PHOTO_FIELDS, PHOTO_SCHEMA
from imgassets.vision.photo_version import photo_version
from imgassets.vision.photo_visit import PhotoVisit, visit_photo, warm_up
from imgassets.vision.record import Signals

if TYPE_CHECKING:
    from imgassets.settings import RankingSettings, RaySettings, Settings, VisionSettings


def photo_outcomes(
    ids: Sequence[str], load: Load, settings: Settings, ray: RaySettings | None = None
) -> Iterator[pl.DataFrame]:
    """Compute the signals of photos, batch by batch.

    Args:
        ids: image ids; repeats are computed once.
        load: returns a photo's bytes; called from several threads; what it raises ends the
            computation. Width and height are those of the file that it returns.
        settings: backbone, towers, batch size and decoding processes.
        ray: the cluster to compute on; by default this process.

    Yields:
        Frames of :data:`imgassets.vision.photo_schema.PHOTO_OUTCOME_SCHEMA`, one row per photo, as
        they become ready.
    """
    arguments = (settings.vision, settings.ranking, load)
    yield from run_operator(PhotoSignals, arguments, ids, settings.vision, ray)


class PhotoSignals(SignalsOperator[PhotoVisit]):
    """The operator; networks are loaded once.

    Args:
        vision: backbone, batch size, decoding processes and their limits.
        ranking: the towers.
        load: returns a photo's bytes; what it raises ends the computation.
    """

    schema = PHOTO_SCHEMA

    def __init__(self, vision: VisionSettings, ranking: RankingSettings, load: Load) -> None:
        self.backbone: Backbone = load_backbone(vision)
        self.towers = load_towers(vision, ranking)
        task = partial(
            visit_photo,
            spec=self.backbone.input,
            tower_spec=None if self.towers is None else self.towers.input,
        )
        version = photo_version(vision, ranking)
        super().__init__(version, task, warm_up, vision, load)

    def start(self) -> None:
        """Do what only the first photo waits for: start processes, choose the networks' kernels."""
        super().start()
        self.backbone.embed(stacked([], self.backbone.input.side, blank=1))
        if self.towers is not None:
            self.towers.features(stacked([], self.towers.input.side, blank=1))

    def columns(self, visits: Sequence[PhotoVisit]) -> dict[str, object]:
        """Return all measures, the embedding and the towers' features."""
        squares = stacked([visit.square for visit in visits], self.backbone.input.side)
        embedding = self.backbone.embed(squares)
        return {
            **fields_of(visits, ("width", "height")),
            **fields_of([visit.signals for visit in visits], Signals._fields),
            **fields_of([visit.measures for visit in visits], PHOTO_FIELDS),
            "embedding": list(embedding),
            "nima": list(embedding if self.towers is None else self._features(visits, self.towers)),
        }

    @staticmethod
    def _features(visits: Sequence[PhotoVisit], towers: Towers) -> NDArray[np.float32]:
        squares = [visit.tower_square for visit in visits if visit.tower_square is not None]
        return towers.features(stacked(squares, towers.input.side))
