from __future__ import annotations

import polars as pl
import pytest

from imgassets.learning.cards import (
    ModelCard,
    count_examples,
    few_examples,
    never_answered,
    weak_categories,
    worst_mistakes,
)
from imgassets.learning.evaluation import evaluate_by_category
from imgassets.learning.image_types import train_types
from imgassets.learning.type_scopes import GLOBAL
from imgassets.settings import Settings, TypeSettings

EXAMPLES = pl.DataFrame(
    [("yes", "train", "drawn")] * 30
    + [("yes", "held out", "real")] * 4
    + [("no", "train", "real")] * 3
    + [("no", "held out", "real")] * 40,
    schema=["label", "split", "source"],
    orient="row",
)

CARD = ModelCard(
    model="blurry",
    purpose="Is the image blurry?",
    approach="Logistic regression.",
    signals_version="s1",
    data=count_examples(EXAMPLES),
    how_split="No product is in two parts.",
    metrics={"f1": 0.91, "precision": 1.0},
    measured_on="the held-out part, 44 images",
    metrics_by_category=evaluate_by_category(
        ["mugs", "mugs", "tees"], ["yes", "no", "no"], ["yes", "no", "no"], positive="yes"
    ),
    thresholds={"reject": (0.8, "largest that keeps\n99 % | of the good images")},
    decision="promoted: first version",
    known_failures=["mirrors", "snow"],
)


def lines_of(card: ModelCard) -> list[str]:
    return card.to_markdown().splitlines()


def test_card_reads() -> None:
    lines = lines_of(CARD)
    assert lines[0] == "# blurry"
    assert "| class | held out | train |" in lines
    assert "| no | 40 | 3 |" in lines
    assert "| drawn | 30 |" in lines
    assert "| real | 47 |" in lines
    assert "| f1 | 0.910 |" in lines
    assert "Measured on the held-out part, 44 images." in lines
    assert "| mugs | 2 | 1 | 1.000 | 1.000 | 1.000 |" in lines
    assert "| tees | 1 | 0 | – | – | – |" in lines
    assert r"| reject | 0.800 | largest that keeps 99 % \| of the good images |" in lines
    assert "- snow" in lines
    assert "**Decision.** promoted: first version" in lines


def test_tables_are_whole_markdown() -> None:
    """Every row of a table has as many cells as its head."""
    markdown = CARD.to_markdown().replace(r"\|", "")
    tables = [part for part in markdown.split("\n\n") if part.startswith("|")]
    assert len(tables) == 5
    for table in tables:
        assert len({row.count("|") for row in table.splitlines()}) == 1


def test_empty_parts_say_so() -> None:
    card = ModelCard(
        "m", "p", "a", "s", count_examples(EXAMPLES.clear()), "", {}, "nothing", pl.DataFrame()
    )
    text = card.to_markdown()
    assert "## Thresholds\n\nNone." in text
    assert "## Known failures\n\nNone known." in text


def test_few_examples_count_the_training_part() -> None:
    only_held = pl.DataFrame([("new", "held out", "real")], schema=EXAMPLES.schema, orient="row")
    data = count_examples(pl.concat([EXAMPLES, only_held]))
    assert few_examples(data) == [
        "class 'new' was trained on 0 examples only",
        "class 'no' was trained on 3 examples only",
    ]
    assert few_examples(count_examples(EXAMPLES), least=3) == []


def test_weak_categories() -> None:
    scores = pl.DataFrame(
        {
            "category": ["a", "b", "c", "few", "none"],
            "n": [50, 50, 50, 2, 50],
            "f1": [0.95, 0.93, 0.61, 0.0, None],
        }
    )
    assert weak_categories(scores, "f1") == [
        "weak on 'c': f1 0.610 on 50 images, the categories' mean is 0.830"
    ]
    assert weak_categories(scores.clear(), "f1") == []


def test_never_answered() -> None:
    assert never_answered(["a", "b", "b"], ["a", "a", "c"]) == [
        "class 'b' was never answered, though 2 images deserve it"
    ]


def test_worst_mistakes_come_surest_first() -> None:
    answered = pl.DataFrame(
        {
            "image_id": ["x", "y", "z", "right"],
            "label": ["a", "a", "b", "a"],
            "answer": ["b", "b", "a", "a"],
            "probability": [0.6, 0.9, 0.6, 1.0],
        }
    )
    found = worst_mistakes(answered, shown=2)
    assert [sentence.split("`")[1] for sentence in found] == ["y", "x"]
    assert found[0] == "image `y` is 'a', answered 'b' with probability 0.90"


def test_by_category_of_several_classes() -> None:
    found = evaluate_by_category(["t", "m", "t", "t"], ["a", "a", "b", "b"], ["a", "b", "b", "a"])
    assert found.columns == ["category", "n", "accuracy", "macro_f1"]
    assert found.row(0) == ("m", 1, 0.0, 0.0)
    assert found.row(1) == ("t", 3, pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_by_category_of_two_classes() -> None:
    found = evaluate_by_category(
        ["t"] * 4 + ["m"] * 2 + ["x"],
        ["yes", "yes", "no", "no", "no", "no", "yes"],
        ["yes", "no", "yes", "yes", "no", "no", "no"],
        positive="yes",
    )
    assert found.rows() == [
        ("m", 2, 0, None, None, None),
        ("t", 4, 2, pytest.approx(1 / 3), 0.5, pytest.approx(0.4)),
        ("x", 1, 1, None, 0.0, 0.0),
    ]
    assert evaluate_by_category([], [], [], positive="yes").is_empty()


def test_card_of_the_image_type_model(registry, make_labelled) -> None:
    limits = TypeSettings(min_probability=0.35)  # type: ignore[call-arg]
    labelled = make_labelled(noise=1.5)
    report = train_types(
        GLOBAL, labelled, registry, Settings(types=limits), snapshot_id=1, signals_version="v1"
    )
    text = (registry.download("image_type", 1) / "card.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0] == "# image_type"
    assert (
        "| types.min_probability | 0.350 | set by hand; below it the answer is 'unsure', and "
        "people are asked |" in lines
    )
    assert "**Decision.** promoted: first version: no champion to compare with" in lines
    assert f"| macro_f1 | {report.metrics['macro_f1']:.3f} |" in lines
    assert f"| labels of people | {labelled.height} |" in lines
    assert any(line.startswith("| tees | ") for line in lines)
    assert report.metrics["accuracy"] < 1
    assert "with probability" in text, "the worst mistakes are named"
    for approach in ("logistic", "shallow_net"):
        assert f"{approach}: macro-F1" in text
