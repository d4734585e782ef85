"""Table contracts: one class per table, from which DDL, validation and documentation follow."""

from __future__ import annotations

import dataframely as dy

from imgassets.warehouse.contract import (
    CATEGORY,
    HASH64,
    IMAGE_ID,
    MODES,
    Contract,
    Partitioned,
)
from imgassets.warehouse.duplicate_contracts import (
    ComparedPairs,
    DedupClusters,
    ImageMatches,
    MatchVerdicts,
)
from imgassets.warehouse.impact_contracts import (
    CausalImpact,
    EngagementDaily,
    EngagementFiles,
    ImpactControls,
    ImpactPlacebos,
    ImpactSeries,
    Interventions,
)
from imgassets.warehouse.learning_contracts import (
    Categories,
    DefectExamples,
    FileLabels,
    FlagLabels,
    ImageLabels,
    LabelFiles,
    ModelVersions,
    ReviewAnswers,
    ReviewRounds,
    ReviewTasks,
    TypeAccuracy,
    TypePriorities,
)
from imgassets.warehouse.maintenance_contracts import StorageSizes
from imgassets.warehouse.review_photo_contracts import (
    REVIEW_STAGES,
    FetchedReviewImages,
    ForgottenReviews,
    RankingEvaluations,
    RankingExamples,
    ReviewFiles,
    ReviewImageRanks,
    ReviewImages,
    ReviewSignals,
)
from imgassets.warehouse.schema_contracts import SchemaMigrations
from imgassets.warehouse.search_contracts import (
    AttributeLabels,
    ImageAttributes,
    ImageEmbeddings,
    ImageFeatures,
    SearchEvaluations,
)
from imgassets.warehouse.set_contracts import (
    ImageClicks,
    ImageRelevance,
    ImageSetChanges,
    OrderedImageSets,
)

UNCATEGORISED = "uncategorised"
"""Category of feed rows (or whole feed files) that name none, and for which none was found; it
holds quarantine rows only."""

QUARANTINE_STAGES = (
    "feed", "fetch", "signals", "compliance", "labels", "engagement", "interventions",
    "image_features", *REVIEW_STAGES,
)  # fmt: skip

PARTITION_STAGES = (
    "feeds", "fetched", "offers", "aggregated", "complete", "impact", "review_ranks",
)  # fmt: skip

MARKETPLACES = ("google", "amazon", "walmart")
"""Authorities whose rules images are judged by."""


class SupplierOffers(Partitioned):
    """One image reference in one supplier's feed."""

    product_id = dy.String(primary_key=True, min_length=1, description="Product the image is for.")
    supplier_id = dy.String(primary_key=True, min_length=1, description="Supplier that sent it.")
    image_url = dy.String(primary_key=True, min_length=1, description="Reference as in the feed.")
    image_location = dy.String(
        min_length=1, description="The reference resolved against the image base: a URL or path."
    )
    position = dy.Int32(min=1, description="Place in the supplier's own order, from 1.")
    title = dy.String(nullable=True, description="Product title as the supplier wrote it.")
    description = dy.String(nullable=True, description="Product description, likewise.")
    is_curated = dy.Bool(description="The supplier says a person chose this image.")
    feed_file = dy.String(description="Feed file it came from, as '<day>/<supplier>.<ext>'.")
    feed_row = dy.Int32(min=1, description="Row in that file, from 1, without the header.")


class Quarantine(Contract):
    """One thing refused: a feed file, a feed row or an image, with the rule it broke."""

    day = dy.Date(description="Partition day.")
    category = dy.String(regex=CATEGORY, description="Partition category, or 'uncategorised'.")
    stage = dy.String(
        check=lambda c: c.is_in(QUARANTINE_STAGES),
        description="Part of the work that refused it: feed, fetch, signals, compliance …",
    )
    rule_id = dy.String(min_length=1, description="Rule that refused it, e.g. 'missing_column'.")
    measured = dy.String(description="What was found.")
    limit = dy.String(description="What the rule allows.")
    detail = dy.String(description="One sentence for a person.")
    product_id = dy.String(nullable=True, description="Product, where known.")
    supplier_id = dy.String(nullable=True, description="Supplier, where known.")
    image_url = dy.String(nullable=True, description="Reference, where known.")
    image_id = dy.String(nullable=True, description="Content hash, where bytes arrived.")
    feed_file = dy.String(nullable=True, description="Feed file, where known.")
    feed_row = dy.Int32(nullable=True, description="Row in the feed file, from 1, where known.")


class FetchedImages(Partitioned):
    """One image reference whose bytes arrived and look like a whole picture."""

    product_id = dy.String(primary_key=True, description="Product the image is for.")
    supplier_id = dy.String(primary_key=True, description="Supplier that sent it.")
    image_url = dy.String(primary_key=True, description="Reference as in the feed.")
    image_location = dy.String(description="Where the bytes were fetched from.")
    image_id = dy.String(regex=IMAGE_ID, description="SHA-256 of the bytes, lower-case hex.")
    format = dy.String(description="Format by content: JPEG, PNG, WEBP, GIF, BMP, TIFF or AVIF.")
    width = dy.Int32(min=1, description="Pixels, EXIF orientation applied.")
    height = dy.Int32(min=1, description="Pixels, EXIF orientation applied.")
    byte_size = dy.Int64(min=1, description="Bytes of the file.")
    mode = dy.String(
        check=lambda c: c.is_in(MODES), description="Layout of its pixels: rgb, gray, cmyk …"
    )
    bit_depth = dy.Int32(min=1, description="Bits per sample as stored.")
    frames = dy.Int32(min=1, description="Frames (pages); only the first is looked at.")
    extension = dy.String(
        nullable=True, description="File extension in the reference, lower-case, without the dot."
    )
    extension_matches = dy.Bool(
        nullable=True, description="The extension names the real format; null without one."
    )


class AggregatedImages(Partitioned):
    """One distinct image of one product, all suppliers together, up to the partition's day."""

    product_id = dy.String(primary_key=True, description="Product.")
    image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The image.")
    suppliers = dy.List(dy.String(), description="Suppliers that sent these bytes, sorted.")
    image_urls = dy.List(dy.String(), description="Their references, sorted.")
    best_position = dy.Int32(min=1, description="Best place any supplier gave it.")
    is_curated = dy.Bool(description="Some supplier says a person chose it.")
    format = dy.String(description="Format by content.")
    width = dy.Int32(min=1, description="Pixels, EXIF orientation applied.")
    height = dy.Int32(min=1, description="Pixels, EXIF orientation applied.")
    byte_size = dy.Int64(min=1, description="Bytes of the file.")
    mode = dy.String(
        check=lambda c: c.is_in(MODES), description="Layout of its pixels: rgb, gray, cmyk …"
    )
    bit_depth = dy.Int32(min=1, description="Bits per sample as stored.")
    frames = dy.Int32(min=1, description="Frames (pages); only the first is looked at.")
    first_seen = dy.Date(description="Day of the first feed that referred to it.")


class ImageSignals(Partitioned):
    """All measures of one image, from one decode and one forward pass."""

    image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The image.")
    signals_version = dy.String(description="Algorithms and backbone that made the row.")
    phash = dy.String(regex=HASH64, description="64-bit perceptual hash (imagehash.phash), hex.")
    dhash = dy.String(regex=HASH64, description="64-bit difference hash (imagehash.dhash), hex.")
    object_phash = dy.String(regex=HASH64, description="pHash of the object's box, margins cut.")
    edge_dhash = dy.String(
        regex=HASH64, description="dHash of the edge-enhanced object's box (paper A, II-D)."
    )
    hsv_histogram = dy.List(
        dy.Float32(min=0, max=1), description="Softly binned HSV histogram of the object's box."
    )
    sharpness = dy.Float32(
        min=0,
        description="Steepness of the object's edges: slope ÷ contrast, 0 … 0.5, low is blurry.",
    )
    foreground_fraction = dy.Float32(
        min=0, max=1, description="Object's bounding box as a share of the frame."
    )
    background_whiteness = dy.Float32(
        min=0, max=1, description="Share of the frame's border that is near white."
    )
    background_pure_white = dy.Float32(
        min=0, max=1, description="Share of the frame's border that is exactly 255, 255, 255."
    )
    object_extent = dy.Float32(
        min=0, max=1, description="Larger of the object's width and height, as shares of the frame."
    )
    detail = dy.Float32(
        min=0, max=1, description="Variety of tones in the object: entropy of luma, 1 is most."
    )
    colourfulness = dy.Float32(min=0, description="Hasler-Suesstrunk colourfulness.")
    embedding = dy.List(dy.Float32(), description="Backbone embedding, L2-normalised.")


class QualityScores(Partitioned):
    """One image of one product judged by the quality rules."""

    product_id = dy.String(primary_key=True, description="Product.")
    image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The image.")
    p_blurry = dy.Float32(
        min=0, max=1, description="The model's probability; by rules, 0.5 exactly at the limit."
    )
    p_small_object = dy.Float32(min=0, max=1, description="Likewise for the object's size.")
    p_placeholder = dy.Float32(min=0, max=1, description="Likewise for placeholder art.")
    passed = dy.Bool(description="No rule failed.")
    failed_rules = dy.List(dy.String(), description="Ids of the rules that failed.")
    judged_by = dy.List(
        dy.String(),
        description="Who decided each defect: '<flag>: rules', 'model <version>' or 'people'.",
    )
    reasons = dy.List(
        dy.String(), description="One sentence per failed rule: the measured value and the limit."
    )


class ComplianceFlags(Partitioned):
    """One flag that one image of one product deserves, or may deserve."""

    product_id = dy.String(primary_key=True, description="Product.")
    image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The image.")
    flag = dy.String(primary_key=True, description="The flag, e.g. 'weapon'.")
    probability = dy.Float32(
        nullable=True, min=0, max=1, description="The model's; null where only people answered."
    )
    source = dy.String(
        check=lambda c: c.is_in(["model", "human"]), description="Who decided: model or human."
    )
    decision = dy.String(
        check=lambda c: c.is_in(["rejected", "review"]),
        description="rejected: kept out of every image set; review: shown, and asked about.",
    )
    reason = dy.String(description="One sentence: the probability and its limit, or who answered.")
    model_version = dy.String(description="Version that answered; '' where only people did.")


class FlagAssessments(Partitioned):
    """Whether one flag was looked for in a partition at all: without a model it was not."""

    flag = dy.String(primary_key=True, description="The flag.")
    status = dy.String(
        check=lambda c: c.is_in(["assessed", "not_assessed"]),
        description="not_assessed: no model looked, so nothing is known but people's answers.",
    )
    model_version = dy.String(description="Version that looked; '' if none.")
    reject_limit = dy.Float32(
        nullable=True, min=0, max=1, description="Probability from which an image is rejected."
    )
    review_limit = dy.Float32(
        nullable=True, min=0, max=1, description="Probability from which people are asked."
    )
    n_images = dy.Int32(min=0, description="Images of products that the model looked at.")


class ImageTypes(Partitioned):
    """The view type of one image of one product; only images that passed quality."""

    product_id = dy.String(primary_key=True, description="Product.")
    image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The image.")
    image_type = dy.String(description="front, back, …; 'none' shows no view; 'unsure'.")
    probability = dy.Float32(
        min=0,
        max=1,
        description="Calibrated probability of the best guess; 1 where people said it.",
    )
    approach = dy.String(
        description="logistic, shallow_net, retrained_block (reads pixels again), flag_head (a "
        "type that every category shares), people, or untyped while no model is champion."
    )
    model_version = dy.String(description="Registered version that answered; '' if none did.")
    answered_by = dy.String(
        description="Whose model: 'category mens-tees', 'vertical apparel', 'global', 'shared "
        "size_chart', 'people', or '' if untyped."
    )
    best_guess = dy.String(
        nullable=True, description="Most probable view, also where that was not sure enough."
    )


class MarketplaceCompliance(Partitioned):
    """One image of one product judged by one rule of one marketplace.

    A rule of scope 'main image' says how the image would do as its product's main image: which one
    that is, is decided later (``ordered_image_sets.is_hero``). Title and severity are kept with the
    verdict, so that it reads as the rule stood when it was made.
    """

    product_id = dy.String(primary_key=True, description="Product.")
    image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The image.")
    authority = dy.String(
        primary_key=True,
        check=lambda c: c.is_in(MARKETPLACES),
        description="Who made the rule: google, amazon or walmart.",
    )
    rule_id = dy.String(primary_key=True, description="The rule, e.g. 'google_max_bytes'.")
    status = dy.String(
        check=lambda c: c.is_in(["pass", "fail", "undecided"]),
        description="pass, fail, or undecided: what was measured does not tell.",
    )
    measured = dy.String(description="What was found; if undecided, why nothing was.")
    limit = dy.String(description="What the rule allows.")
    severity = dy.String(
        check=lambda c: c.is_in(["required", "recommended"]),
        description="required: the marketplace refuses the image; recommended: worth less there.",
    )
    scope = dy.String(
        check=lambda c: c.is_in(["any image", "main image"]),
        description="main image: the rule is asked of a product's first image alone.",
    )
    title = dy.String(description="The rule in one sentence.")


class FeedFiles(Contract):
    """One category's share of one accepted feed file, with a hash of its content."""

    day = dy.Date(primary_key=True, description="Day of the feed.")
    supplier_id = dy.String(primary_key=True, description="Supplier.")
    category = dy.String(primary_key=True, regex=CATEGORY, description="Category slug.")
    feed_file = dy.String(description="'<day>/<supplier>.<ext>'.")
    landed_as = dy.String(description="Name of the immutable copy in the landing folder.")
    sha256 = dy.String(description="Of the whole file.")
    source_key = dy.String(description="Version of the original (time, size …) when it was read.")
    image_base = dy.String(description="Base its relative references are resolved against.")
    n_rows = dy.Int32(min=0, description="Rows of this category, good or bad.")
    content_hash = dy.String(description="Of this category's rows and the image base.")


class FeedCategories(Contract):
    """One category that one accepted feed file names for one product."""

    day = dy.Date(primary_key=True, description="Day of the feed.")
    supplier_id = dy.String(primary_key=True, description="Supplier.")
    product_id = dy.String(primary_key=True, min_length=1, description="Product.")
    category = dy.String(primary_key=True, regex=CATEGORY, description="Category slug.")


class CategoryResolutions(Contract):
    """One feed row that names no category, and what was decided about it."""

    day = dy.Date(primary_key=True, description="Day of the feed.")
    supplier_id = dy.String(primary_key=True, description="Supplier.")
    feed_row = dy.Int32(primary_key=True, min=1, description="Row in the feed file, from 1.")
    feed_file = dy.String(description="'<day>/<supplier>.<ext>'.")
    product_id = dy.String(min_length=1, description="Product.")
    outcome = dy.String(
        check=lambda c: c.is_in(["resolved", "unsure", "no_model"]),
        description="resolved: the row joined its category; unsure: quarantined as "
        "category_unsure; no_model: quarantined as missing_category.",
    )
    category = dy.String(
        nullable=True,
        regex=CATEGORY,
        description="Category it got; if unsure, the model's best guess, if it had one.",
    )
    probability = dy.Float32(
        nullable=True, min=0, max=1, description="The model's; null where feeds decided."
    )
    min_probability = dy.Float32(
        nullable=True, min=0, max=1, description="The limit it was held against, likewise."
    )
    source = dy.String(
        check=lambda c: c.is_in(["feed", "model", ""]),
        description="feed: other rows of the product name it; model; '' if no model.",
    )
    model_version = dy.String(description="Version that answered; '' where none did.")
    decided_at = dy.Datetime(time_zone="UTC", time_unit="us", description="When, in UTC.")


class PartitionState(Partitioned):
    """How far a partition was computed, and from what; equal fingerprints mean nothing to do."""

    stage = dy.String(
        primary_key=True,
        check=lambda c: c.is_in(PARTITION_STAGES),
        description="'feeds' and 'fetched' hold the feeds' hash, 'impact' and 'review_ranks' that "
        "of the inputs of causal_impact and review_image_ranks, the others the fingerprint.",
    )
    fingerprint = dy.String(description="Hash of feeds, settings, algorithms and models.")

    @classmethod
    def partitioning(cls) -> tuple[str, ...]:
        """Return the partition columns: a plan reads all days, so their files can be merged."""
        return ("category",)


CONTRACTS: tuple[type[Contract], ...] = (
    SupplierOffers, Quarantine, FetchedImages, AggregatedImages, ImageSignals, QualityScores,
    ComplianceFlags, FlagAssessments, ImageTypes, DedupClusters, ComparedPairs, OrderedImageSets,
    ImageSetChanges, ImageClicks, ImageRelevance, ImageMatches, MatchVerdicts,
    MarketplaceCompliance, LabelFiles, FileLabels, ImageLabels, FlagLabels, Categories,
    TypePriorities, ReviewTasks, ReviewAnswers, ReviewRounds, DefectExamples, ModelVersions,
    TypeAccuracy, EngagementFiles, EngagementDaily, Interventions, CausalImpact, ImpactControls,
    ImpactSeries, ImpactPlacebos, ReviewFiles, ReviewImages, FetchedReviewImages, ReviewSignals,
    ReviewImageRanks, RankingExamples, RankingEvaluations, ForgottenReviews, ImageFeatures,
    ImageEmbeddings, ImageAttributes, AttributeLabels, SearchEvaluations, FeedFiles,
    FeedCategories, CategoryResolutions, PartitionState, SchemaMigrations, StorageSizes,
)  # fmt: skip
"""Every table of the warehouse."""

BY_NAME: dict[str, type[Contract]] = {c.table_name(): c for c in CONTRACTS}
