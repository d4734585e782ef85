from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.learning.search.data import JUDGEMENTS, QUERIES, Judged
from imgassets.learning.search.dual import DualEncoder
from imgassets.learning.search.dual_training import DualTraining
from imgassets.learning.search.encoder import encoder_version, load_encoder
from imgassets.learning.search.features import PIXEL_GROUPS
from imgassets.search.settings import SearchSettings
from imgassets.settings import VisionSettings
from tests.search_cases import items

VISION = VisionSettings(workers=1, device="cpu")
SEARCH = SearchSettings(
    dimension=16, epochs=20, learning_rate=5e-3,
    lora_rank=4, lora_epochs=2, lora_learning_rate=1e-2, keep_ability=1,
)  # fmt: skip
NOTHING = Judged(pl.DataFrame(schema=QUERIES), pl.DataFrame(schema=JUDGEMENTS))


@pytest.fixture(scope="module")
def training() -> DualTraining:
    return DualTraining((items(100, 0), items(30, 2)), SEARCH, VISION, 0, lambda what: None)


@pytest.fixture(scope="module")
def base(training: DualTraining) -> DualEncoder:
    return training.fit(PIXEL_GROUPS, np.arange(100), NOTHING)


def hits(encoder: DualEncoder, images: np.ndarray, part: int) -> float:
    """Return the share of phrases whose nearest image, not learnt from, is a right answer."""
    rows = items(30, part).rows
    right = []
    for colour in ("red", "green", "blue", "yellow"):
        nearest = int((images @ encoder.embed_texts([colour])[0]).argmax())
        right.append(f" {colour} " in rows["title"][nearest])
    return float(np.mean(right))


def test_pictures_that_were_not_learnt_from_are_found(
    training: DualTraining, base: DualEncoder
) -> None:
    assert hits(base, training.images(base)[100:], 2) >= 0.75


def test_a_saved_encoder_embeds_the_same(base: DualEncoder, tmp_path: Path) -> None:
    base.save(tmp_path)
    again = load_encoder(tmp_path, VISION)
    held = items(5, 3)
    features = np.zeros((5, len(base.weights["mean"]) - 640), np.float32)
    before = base.embed_images(held.squares, features)
    assert (again.embed_images(held.squares, features) == before).all()
    assert (again.embed_images(held.squares[1:3], features[1:3]) == before[1:3]).all()
    assert (again.embed_texts(["red disc"]) == base.embed_texts(["x", "red disc"])[1:]).all()
    assert np.linalg.norm(before, axis=1) == pytest.approx(1, abs=1e-5)
    assert again.unknown_words("red Zeppelin") == ["zeppelin"]
    assert encoder_version(tmp_path).startswith("dual-")


def test_another_backbone_is_refused_with_the_remedy(base: DualEncoder, tmp_path: Path) -> None:
    base.save(tmp_path)
    about = tmp_path / "encoder.json"
    about.write_text(about.read_text().replace("embedded-2", "embedded-1"))
    with pytest.raises(ValueError, match=r"'embedded-1'.*'embedded-2'.*BACKBONE back, or train"):
        load_encoder(tmp_path, VISION)


def test_adapters_learn_are_saved_and_can_be_taken_back(tmp_path: Path) -> None:
    learnt, others = items(40, 0), items(10, 2)
    own = DualTraining((learnt, others), SEARCH, VISION, 0, lambda what: None)
    base = own.fit((), np.arange(40), NOTHING)
    before = own.images(base)
    tuning = own.fine_tune(base, np.arange(40), NOTHING)
    assert abs(own.images(tuning.at(0.0)) - before).max() < 1e-6
    assert 0 <= own.resemblance(tuning, np.arange(40, 50), k=3) <= 1
    tuned = tuning.at(1.0)
    after = own.images(tuned)
    assert abs(after - before).max() > 1e-3
    assert (own.images(base) == before).all()
    tuned.save(tmp_path)
    again = load_encoder(tmp_path, VISION)
    none = np.zeros((10, 0), np.float32)
    assert np.allclose(again.embed_images(others.squares, none), after[40:], atol=1e-5)
