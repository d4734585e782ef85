"""Contracts of customers' review photos: what arrives, what is measured, how they are ranked.

A review is known by its id alone; nothing about its writer is kept, and no measure is of a face.
"""

from __future__ import annotations

import dataframely as dy

from imgassets.warehouse.contract import CATEGORY, HASH64, IMAGE_ID, MODES, Contract

REVIEW_STAGES = ("reviews", "review_fetch", "review_signals")
"""Stages of quarantine rows about review photos: a file's rows, downloads, decoding."""

RANK_STATUSES = ("ranked", "duplicate")
"""What became of a review photo: it has a rank, or shows what a better copy shows."""

EXAMPLE_ORIGINS = ("studio", "review")
"""Whose good image an example was made from: a supplier's or a customer's."""

EVALUATION_DATASETS = ("held-out pairs", "unseen distortions", "engagement")
"""What methods of ranking are measured on."""

EVALUATION_MEASURES = ("pairwise_accuracy", "pearson", "spearman")
"""How well a method's order agrees with the true one, or with votes."""


class ReviewFiles(Contract):
    """One file of review photos, as it was taken in last."""

    file = dy.String(primary_key=True, description="Path or URL.")
    sha256 = dy.String(regex=IMAGE_ID, description="Of its content.")
    source_key = dy.String(description="Version of the file (time, size …) when it was read.")
    judged_by = dy.String(
        description="Hash of what its rows were held against; with the day where rows were refused "
        "because theirs had not been yet."
    )
    image_base = dy.String(description="What relative references start from; '' if nothing.")
    day = dy.Date(description="Day of arrival, which its rows have.")
    n_rows = dy.Int64(min=0, description="Rows that were taken.")
    n_refused = dy.Int64(min=0, description="Rows, or the whole file, in quarantine.")


class _Arrived(Contract):
    """Base of tables whose partitions are the day that reviews arrived on, and a category."""

    day = dy.Date(primary_key=True, description="Day of arrival of the file that names the review.")
    category = dy.String(
        primary_key=True, regex=CATEGORY, description="Product category, as a slug."
    )


class ReviewImages(_Arrived):
    """One review photo as a day's files tell of it; a later day may tell of newer votes."""

    review_id = dy.String(primary_key=True, min_length=1, description="The review.")
    product_id = dy.String(min_length=1, description="Product that was reviewed.")
    style = dy.String(
        min_length=1,
        description="Products of one style are never split between training and test; where a file "
        "names none, the product.",
    )
    image_url = dy.String(min_length=1, description="Reference as in the file.")
    image_location = dy.String(
        min_length=1, description="The reference resolved against the image base: a URL or path."
    )
    submitted_at = dy.Datetime(
        nullable=True,
        time_zone="UTC",
        time_unit="us",
        description="When the review was written, in UTC; null: not known.",
    )
    helpful_votes = dy.Int64(
        nullable=True, min=0, description="Votes for the review until then; null: not known."
    )
    impressions = dy.Int64(
        nullable=True, min=0, description="Times it was shown until then; null: not known."
    )
    feed_file = dy.String(description="File that the row came from, as in review_files.")
    feed_row = dy.Int32(min=1, description="Row in that file, from 1, without the header.")


class FetchedReviewImages(_Arrived):
    """One review photo whose bytes arrived and look like a whole picture."""

    review_id = dy.String(primary_key=True, min_length=1, description="The review.")
    product_id = dy.String(min_length=1, description="Product that was reviewed.")
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


class _ReviewPhoto(_Arrived):
    """Base of tables about distinct photos."""

    image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The photo.")
    signals_version = dy.String(description="Algorithms and backbones that made the row.")


class PhotoFeatures(Contract):
    """What is measured on one photograph, for the ranker; shared by photos and examples."""

    width = dy.Int32(min=1, description="Pixels of the file, EXIF orientation applied.")
    height = dy.Int32(min=1, description="Likewise.")
    longer_side = dy.Int32(min=1, description="The greater of the two.")
    phash = dy.String(regex=HASH64, description="As in image_signals.")
    dhash = dy.String(regex=HASH64, description="Likewise.")
    object_phash = dy.String(regex=HASH64, description="Likewise.")
    edge_dhash = dy.String(regex=HASH64, description="Likewise.")
    hsv_histogram = dy.List(dy.Float32(min=0, max=1), description="Likewise.")
    sharpness = dy.Float32(min=0, description="Likewise: steepness of edges, 0 … 0.5.")
    foreground_fraction = dy.Float32(min=0, max=1, description="Likewise.")
    background_whiteness = dy.Float32(min=0, max=1, description="Likewise.")
    background_pure_white = dy.Float32(min=0, max=1, description="Likewise.")
    object_extent = dy.Float32(min=0, max=1, description="Likewise.")
    detail = dy.Float32(min=0, max=1, description="Likewise.")
    colourfulness = dy.Float32(min=0, description="Likewise.")
    bright = dy.Float32(
        min=0, max=255, description="95th percentile of the pixels' brightest channel; low is dark."
    )
    clipped = dy.Float32(
        min=0,
        max=1,
        description="Share of the pixels, a white background left out, at the top of a channel.",
    )
    noise = dy.Float32(min=0, description="Standard deviation in plain parts, in gray levels.")
    blockiness = dy.Float32(
        min=0, description="Height of the steps between compressed blocks, in gray levels."
    )
    embedding = dy.List(dy.Float32(), description="Of the general backbone, L2-normalised.")
    nima = dy.List(
        dy.Float32(),
        description="Penultimate features of NIMA's backbone: technical, aesthetic, or shared.",
    )


class ReviewSignals(_ReviewPhoto, PhotoFeatures):
    """All measures of one review photo, from one decode."""


class ReviewImageRanks(_Arrived):
    """One review photo's place among those of its product, as known on the partition's day."""

    product_id = dy.String(primary_key=True, min_length=1, description="Product.")
    review_id = dy.String(primary_key=True, min_length=1, description="The review.")
    image_id = dy.String(regex=IMAGE_ID, description="Its photo.")
    status = dy.String(
        check=lambda c: c.is_in(RANK_STATUSES),
        description="ranked, or duplicate: a better copy of the same picture has the rank.",
    )
    score = dy.Float64(min=0, max=1, description="The ranker's; higher is better.")
    rank = dy.Int32(
        nullable=True,
        min=1,
        description="1 is best; equal scores share a rank; null for duplicates.",
    )
    n_ranked = dy.Int32(min=1, description="Photos of the product that have a rank.")
    duplicate_of = dy.String(
        nullable=True, description="review_id of the better copy; null where it is ranked."
    )
    weakness = dy.String(description="Id of its main problem; '' for none.")
    weakness_text = dy.String(description="The same as one sentence for the customer.")
    aesthetic = dy.Float64(
        nullable=True, min=1, max=10, description="NIMA's mean aesthetic rating; null: no model."
    )
    technical = dy.Float64(
        nullable=True, min=1, max=10, description="NIMA's mean technical rating, likewise."
    )
    aesthetic_distribution = dy.List(
        dy.Float32(min=0, max=1), nullable=True, description="Share of each rating from 1 to 10."
    )
    technical_distribution = dy.List(
        dy.Float32(min=0, max=1), nullable=True, description="Likewise."
    )
    helpful_votes = dy.Int64(
        nullable=True, min=0, description="As last told up to the day; null: not known."
    )
    impressions = dy.Int64(nullable=True, min=0, description="Likewise.")
    model_version = dy.String(description="Version of the ranker.")
    rules_version = dy.String(description="Version of the rules of duplicates and weaknesses.")


class _Example(Contract):
    """Base of examples: how one was made."""

    example_id = dy.String(primary_key=True, description="Hash of all that makes the picture.")
    source_image_id = dy.String(regex=IMAGE_ID, description="The image that it was made from.")
    origin = dy.String(
        check=lambda c: c.is_in(EXAMPLE_ORIGINS), description="Of that image: studio or review."
    )
    group_id = dy.String(description="Examples of one group are never split across train/test.")
    category = dy.String(regex=CATEGORY, description="Category of a product that has the image.")
    family = dy.String(description="Distortion, e.g. 'gaussian_blur'; '' for the image as it is.")
    severity = dy.Float64(min=0, max=1, description="How much: hardly visible to gross.")
    seed = dy.Int64(description="Of every random choice.")
    features_version = dy.String(description="Algorithms and backbones that measured it.")


class RankingExamples(_Example, PhotoFeatures):
    """One good image, as it is or distorted on purpose, with what is measured on it."""


class RankingEvaluations(Contract):
    """How well one method of ranking did on one data set, by one measure."""

    model_version = dy.String(primary_key=True, description="Version of the ranker evaluated.")
    dataset = dy.String(
        primary_key=True,
        check=lambda c: c.is_in(EVALUATION_DATASETS),
        description="held-out pairs, unseen distortions, or engagement (votes).",
    )
    method = dy.String(
        primary_key=True,
        min_length=1,
        description="'ranker', the name of another approach, or a baseline.",
    )
    slice = dy.String(
        primary_key=True, min_length=1, description="'all', a family of distortions, or a style."
    )
    measure = dy.String(
        primary_key=True,
        check=lambda c: c.is_in(EVALUATION_MEASURES),
        description="pairwise_accuracy, pearson or spearman.",
    )
    n = dy.Int64(min=0, description="Pairs, or photos, that it was measured on.")
    value = dy.Float64(nullable=True, description="The measure; null where it is not defined.")
    lower = dy.Float64(nullable=True, description="Its bootstrap interval, …")
    upper = dy.Float64(nullable=True, description="… 95 %.")
    note = dy.String(description="What to know about the number, e.g. simulated votes; '' if none.")


class ForgottenReviews(Contract):
    """One review that was forgotten on request; files that name it again are refused that row."""

    review_hash = dy.String(
        primary_key=True, regex=IMAGE_ID, description="SHA-256 of the review_id, lower-case hex."
    )
    day = dy.Date(description="When it was asked for.")
