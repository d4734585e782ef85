"""Contracts of duplicates: pairs that were compared, clusters within products, matches between."""

from __future__ import annotations

import dataframely as dy

from imgassets.warehouse.contract import IMAGE_ID, Contract, Partitioned


class DedupClusters(Partitioned):
    """One typed image of one product and the cluster of duplicates it belongs to."""

    product_id = dy.String(primary_key=True, description="Product.")
    image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The image.")
    image_type = dy.String(description="Its type; clusters never cross types.")
    cluster_id = dy.String(regex=IMAGE_ID, description="The representative's image_id.")
    is_representative = dy.Bool(description="This image stands for its cluster.")
    nearest_image_id = dy.String(
        nullable=True,
        regex=IMAGE_ID,
        description="A duplicate's representative; a representative's nearest other one.",
    )
    phash_distance = dy.Int32(nullable=True, min=0, max=64, description="Bits to the nearest.")
    edge_dhash_distance = dy.Int32(nullable=True, min=0, max=64, description="Bits, likewise.")
    hsv_distance = dy.Float32(nullable=True, min=0, description="Chi-square to the nearest, 0 … 2.")
    probability = dy.Float32(
        nullable=True,
        min=0,
        max=1,
        description="That it shows the same as the nearest; null where signals decided.",
    )
    decided_by = dy.String(
        nullable=True,
        check=lambda c: c.is_in(["signals", "pixels", "people"]),
        description="Who compared it with the nearest: signals, pixels or people; null if alone.",
    )


class ComparedPairs(Partitioned):
    """Two images of one product and type that were laid over each other, and where they differ."""

    product_id = dy.String(primary_key=True, description="Product.")
    left_image_id = dy.String(
        primary_key=True, regex=IMAGE_ID, description="The image with the smaller id."
    )
    right_image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The other one.")
    image_type = dy.String(description="Type of both.")
    same = dy.Bool(description="One of them is enough.")
    probability = dy.Float32(min=0, max=1, description="The comparator's, of 'same'.")
    decided_by = dy.String(
        check=lambda c: c.is_in(["pixels", "people"]),
        description="pixels: the probability and its limit; people: their answer.",
    )
    left_box = dy.List(
        dy.Float32(min=0, max=1),
        description="Where the left one differs most: top, left, height, width as shares.",
    )
    right_box = dy.List(
        dy.Float32(min=0, max=1), description="The same place in the right one, likewise."
    )
    comparator_version = dy.String(description="Algorithms and model that compared them.")


class ImageMatches(Contract):
    """Two distinct images of the whole catalog that look the same, by their signals."""

    left_image_id = dy.String(
        primary_key=True, regex=IMAGE_ID, description="The image with the smaller id."
    )
    right_image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The other one.")
    phash_distance = dy.Int32(min=0, max=64, description="Differing bits, object's pHash.")
    edge_dhash_distance = dy.Int32(min=0, max=64, description="Differing bits, edge dHash.")
    hsv_distance = dy.Float32(
        min=0, description="Chi-square of the HSV histograms, 0 … 2; 0 if one has no colour at all."
    )
    signals_version = dy.String(description="Signals that they were compared by.")


class MatchVerdicts(Contract):
    """One pair of image_matches, shown by different products, that was laid over each other."""

    left_image_id = dy.String(
        primary_key=True, regex=IMAGE_ID, description="The image with the smaller id."
    )
    right_image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The other one.")
    comparator_version = dy.String(
        primary_key=True, description="Algorithms and model that compared them."
    )
    probability = dy.Float32(min=0, max=1, description="The comparator's, of 'same'.")
    left_box = dy.List(
        dy.Float32(min=0, max=1),
        description="Where the left one differs most: top, left, height, width as shares.",
    )
    right_box = dy.List(
        dy.Float32(min=0, max=1), description="The same place in the right one, likewise."
    )
