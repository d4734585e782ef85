"""An image's story in words: one step after the other, with what decided each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from imgassets.gallery.cards import words
from imgassets.moderation.flags import Flag
from imgassets.operations.product_story import ImageStory
from imgassets.service.rendering import share
from imgassets.warehouse.contract import NONE, UNSURE, UNTYPED

Row = Mapping[str, Any]

_MEASURES = (
    ("sharpness", "Sharpness of edges, 0 to 0.5", 3),
    ("object_extent", "Object's longer side, share of the frame", 2),
    ("foreground_fraction", "Object's box, share of the frame", 2),
    ("background_whiteness", "Near-white share of the border", 2),
    ("background_pure_white", "Pure white share of the border", 2),
    ("detail", "Variety of tones, 0 to 1", 2),
    ("colourfulness", "Colourfulness", 1),
)

_DEFECTS = (
    ("p_blurry", "Blurry"),
    ("p_small_object", "Small object"),
    ("p_placeholder", "Placeholder"),
)


@dataclass(frozen=True)
class Step:
    """One step of an image's way.

    Attributes:
        title: what was done.
        outcome: what came of it, in a few words.
        tone: good, bad, open (nobody decided yet) or plain.
        details: sentences, the deciding one first.
        measures: label and value of what was measured.
        by: who or what decided it; '' where nothing had to be.
    """

    title: str
    outcome: str
    tone: str = "plain"
    details: list[str] = field(default_factory=list)
    measures: list[tuple[str, str]] = field(default_factory=list)
    by: str = ""


def steps(story: ImageStory, flags: Mapping[str, Flag]) -> list[Step]:
    """Return the steps of an image's way through the pipeline, in the order they were taken.

    Args:
        story: what is known of it.
        flags: the registry of flags, for what people read.
    """
    return [
        _fetched(story.facts),
        *_measured(story),
        *_judged(story.quality),
        *_flagged(story, flags),
        *_typed(story.image_type),
        *_compared(story),
        *_marketplaces(story),
        _placed(story),
    ]


def _fetched(facts: Row) -> Step:
    size = f"{facts['width']} × {facts['height']} px"
    parts = [facts["format"], size, _bytes(facts["byte_size"])]
    if facts["mode"]:
        parts.append(f"{facts['mode'].replace('_', ' ')}, {facts['bit_depth']} bits")
    if (facts["frames"] or 1) > 1:
        parts.append(f"{facts['frames']} frames, of which the first counts")
    details = [" · ".join(parts)]
    if facts["is_curated"]:
        details.append("A supplier says that a person chose it.")
    return Step("Fetched", "arrived", "good", details)


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _measured(story: ImageStory) -> Iterator[Step]:
    for row in story.refusals:
        detail = f"{row['detail']} Found: {row['measured']}; allowed: {row['limit']}."
        yield Step(words(row["stage"]), "refused", "bad", [detail], by=f"rule {row['rule_id']}")
    if story.signals is not None:
        found = [
            (label, f"{story.signals[name]:.{digits}f}")
            for name, label, digits in _MEASURES
            if story.signals[name] is not None
        ]
        by = story.signals["signals_version"]
        yield Step("Measured", f"{len(found)} measures", "plain", measures=found, by=by)


def _judged(quality: Row | None) -> Iterator[Step]:
    if quality is None:
        return
    yield Step(
        "Quality",
        "passed" if quality["passed"] else ", ".join(map(words, quality["failed_rules"])),
        "good" if quality["passed"] else "bad",
        list(quality["reasons"]),
        [(f"Probability: {label.lower()}", share(quality[name])) for name, label in _DEFECTS],
        "; ".join(quality["judged_by"] or []),
    )


def _flagged(story: ImageStory, flags: Mapping[str, Flag]) -> Iterator[Step]:
    def title(flag: str) -> str:
        return flags[flag].title if flag in flags else words(flag).lower()

    deserved = {row["flag"] for row in story.flags}
    for row in story.flags:
        rejected = row["decision"] == "rejected"
        yield Step(
            f"Flag: {title(row['flag'])}",
            "rejected" if rejected else "in doubt, shown while people are asked",
            "bad" if rejected else "open",
            [row["reason"]],
            [] if row["probability"] is None else [("Probability", share(row["probability"]))],
            "people" if row["source"] == "human" else f"model {row['flag']} {row['model_version']}",
        )
    clear = [
        row
        for row in story.assessments
        if row["status"] == "assessed" and row["flag"] not in deserved
    ]
    unknown = [row for row in story.assessments if row["status"] == "not_assessed"]
    if clear and story.signals is not None:
        yield Step(
            "Flags",
            f"none of {len(clear)} looked for",
            "good",
            [", ".join(title(row["flag"]) for row in clear)],
            by=", ".join(f"{row['flag']} {row['model_version']}" for row in clear),
        )
    if unknown:
        listed = ", ".join(title(row["flag"]) for row in unknown)
        yield Step("Flags", "not looked for", "open", [f"No model yet: {listed}."])


def _typed(row: Row | None) -> Iterator[Step]:
    if row is None:
        return
    details = []
    if row["image_type"] in (UNSURE, NONE) and row["best_guess"]:
        details.append(f"Most probable view: {words(row['best_guess']).lower()}.")
    tone = {UNTYPED: "open", UNSURE: "open", NONE: "bad"}.get(row["image_type"], "good")
    decided = [row["approach"].replace("_", " "), row["answered_by"], row["model_version"]]
    yield Step(
        "Type",
        words(row["image_type"]),
        tone,
        details,
        [] if row["image_type"] == UNTYPED else [("Probability", share(row["probability"]))],
        "no model yet"
        if row["image_type"] == UNTYPED
        else " · ".join(dict.fromkeys(filter(None, decided))),
    )


def _compared(story: ImageStory) -> Iterator[Step]:
    row = story.cluster
    if row is None:
        return
    distances = [
        ("Shape hash, bits that differ of 64", row["phash_distance"], ""),
        ("Edge hash, bits that differ of 64", row["edge_dhash_distance"], ""),
        ("Colour distance, 0 to 2", row["hsv_distance"], ".3f"),
    ]
    found = [(label, f"{value:{form}}") for label, value, form in distances if value is not None]
    if row["probability"] is not None:
        found.append(("Probability that both show the same", share(row["probability"])))
    by = {"signals": "signals", "pixels": "comparator, pixel by pixel", "people": "people"}
    versions = {pair["comparator_version"] for pair in story.pairs}
    decided = by.get(row["decided_by"] or "", "")
    if decided and row["decided_by"] == "pixels" and versions:
        decided += f" ({', '.join(sorted(versions))})"
    if row["is_representative"]:
        outcome = "stands for its look-alikes" if story.pairs or found else "no other of its type"
        yield Step("Duplicates", outcome, "good", [], found, decided)
    else:
        yield Step("Duplicates", "repeats another image", "bad", [], found, decided)


def _marketplaces(story: ImageStory) -> Iterator[Step]:
    counted = [
        row
        for row in story.marketplaces
        if row["scope"] == "any image" or (story.shown and story.shown.is_hero)
    ]
    for authority in dict.fromkeys(row["authority"] for row in counted):
        rows = [row for row in counted if row["authority"] == authority]
        required = any(row["severity"] == "required" for row in rows)
        yield Step(
            f"Marketplace: {words(authority)}",
            "would refuse it" if required else "would take it, but advises otherwise",
            "bad" if required else "open",
            [f"{r['title']}. Found: {r['measured']}; allowed: {r['limit']}." for r in rows],
            by=", ".join(row["rule_id"] for row in rows),
        )


def _placed(story: ImageStory) -> Step:
    if story.left_out is not None:
        rule = story.left_out.rule_id
        return Step("Place", "left out", "bad", [story.left_out.reason], by=f"rule {rule}")
    shown = story.shown
    assert shown is not None
    places = [
        ("Place by the policy", shown.policy_rank, ""),
        ("Place by clicks", shown.click_rank, ""),
        ("Clicks per look", shown.click_rate, ".4f"),
    ]
    return Step(
        "Place",
        "1, the hero" if shown.is_hero else str(shown.rank),
        "good",
        [shown.reason],
        [(label, f"{value:{form}}") for label, value, form in places if value is not None],
        shown.ordered_by or "",
    )
