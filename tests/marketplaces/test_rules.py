"""The rules' file: what it holds, what is refused in it, and when partitions become stale by it."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import polars as pl
import pytest

from imgassets.marketplaces.measures import MEASURES
from imgassets.marketplaces.rules import RULES_FILE, load_rules, rules_version, standing_rules
from imgassets.operations.planning import fingerprints
from imgassets.settings import MarketplaceSettings, Settings
from imgassets.warehouse.contracts import FeedFiles
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse

RULE = """
[[rule]]
id = "google_max_bytes"
authority = "google"
title = "Google takes files of at most 16 MB"
effective_from = 2000-01-01
measure = "byte_size"
comparison = "at most"
limit = 16_000_000
severity = "required"
source = "Google Merchant Center Help"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_measure_is_used_by_some_rule() -> None:
    assert {rule.measure for rule in standing_rules() if rule.decidable} == set(MEASURES)


def test_undecidable_rules_say_why() -> None:
    open_rules = {rule.id: rule for rule in standing_rules() if not rule.decidable}
    assert set(open_rules) == {"amazon_no_overlay", "google_no_overlay", "walmart_no_overlay"}
    assert open_rules["amazon_no_overlay"].limit_text() == "no text, logo, border or watermark"
    assert all(rule.undecided for rule in open_rules.values())


def test_limits_read_well() -> None:
    texts = {rule.id: rule.limit_text() for rule in standing_rules()}
    assert texts["amazon_min_side"] == "≥ 500 px on the longer side"
    assert texts["amazon_object_extent"] == "≥ 85 % of the frame's width or height"
    assert texts["walmart_bit_depth"] == "8 bits per sample"
    assert texts["walmart_url_port"] == "80, 443, 8080, 8443"
    assert texts["walmart_url_query"] == "no query string"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"google_max_bytes"', '"max_bytes"', "starts with its authority"),
        ('authority = "google"', 'authority = "etsy"', "starts with its authority"),
        ('"byte_size"', '"weight"', "needs a comparison and a measure"),
        ('comparison = "at most"\n', "", "needs a comparison and a measure"),
        ("16_000_000", '"16 MB"', "does not fit 'at most'"),
        ("16_000_000", "true", "does not fit 'at most'"),
        ('"at most"', '"one of"', "does not fit 'one of'"),
        ("2000-01-01", "2000-01-01\neffective_until = 1999-12-31", "ends before it begins"),
        ("limit", 'undecided = "why"\nlimit', "an undecided rule has no measure"),
        ('severity = "required"', 'severity = "harsh"', "severity"),
        ("source =", "sources =", "sources"),
        ("2000-01-01", "tomorrow", "Invalid"),
    ],
)
def test_a_wrong_rule_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in RULE
    with pytest.raises(ValueError, match=re.escape(message)):
        load_rules(write(tmp_path, RULE.replace(old, new, 1)))


def test_an_id_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rule ids occur twice: google_max_bytes"):
        load_rules(write(tmp_path, RULE * 2))


def test_the_version_follows_the_rules_and_not_the_comments(tmp_path: Path) -> None:
    text = RULES_FILE.read_text(encoding="utf-8")
    version = rules_version(standing_rules())
    assert rules_version(load_rules(write(tmp_path, f"# A remark.\n{text}"))) == version
    changed = text.replace("limit = 16_000_000", "limit = 16_000_001")
    assert rules_version(load_rules(write(tmp_path, changed))) != version


def test_apparel_is_part_of_the_decisions_hash(tmp_path: Path) -> None:
    plain = Settings(home=tmp_path)
    other = Settings(home=tmp_path, marketplaces=MarketplaceSettings(apparel_categories=["sofas"]))
    assert plain.decision_hash() != other.decision_hash()


def test_changed_rules_make_partitions_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    feed = {
        "day": dt.date(2026, 1, 5), "supplier_id": "acme", "category": "sofas",
        "feed_file": "2026-01-05/acme.csv", "landed_as": "x", "sha256": "x", "source_key": "x",
        "image_base": "", "n_rows": 1, "content_hash": "x",
    }  # fmt: skip
    warehouse.replace([Replacement(FeedFiles, pl.DataFrame([feed]))], CommitMessage(asset="test"))
    before = fingerprints(warehouse, settings)
    assert fingerprints(warehouse, settings).equals(before)
    fewer = standing_rules()[1:]
    monkeypatch.setattr("imgassets.operations.planning.standing_rules", lambda: fewer)
    after = fingerprints(warehouse, settings)
    assert after["feeds_hash"].equals(before["feeds_hash"])
    assert not after["fingerprint"].equals(before["fingerprint"])
