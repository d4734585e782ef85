"""Contracts of text search over images: features, embeddings, attributes, how well it finds."""

from __future__ import annotations

import dataframely as dy

from imgassets.warehouse.contract import ATTRIBUTE, IMAGE_ID, Contract, Partitioned

BOX_SOURCES = ("plain", "grabcut", "whole")
"""How an object's box was found: against a plain background, by segmentation, or not at all."""


class ImageFeatures(Partitioned):
    """What people could say of one picture: where its object is, its colours and its texture."""

    image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The image.")
    features_version = dy.String(description="Algorithms that made the row.")
    box_left = dy.Float32(min=0, max=1, description="Object's box: left side, as a share …")
    box_top = dy.Float32(min=0, max=1, description="… top …")
    box_right = dy.Float32(min=0, max=1, description="… right …")
    box_bottom = dy.Float32(min=0, max=1, description="… and bottom, from the top left corner.")
    object_share = dy.Float32(
        min=0, max=1, description="Pixels that are the object, as a share of the picture."
    )
    box_source = dy.String(
        check=lambda c: c.is_in(BOX_SOURCES),
        description="plain: against a plain background; grabcut: segmented; whole: not found.",
    )
    colours = dy.List(
        dy.Struct(
            {
                "name": dy.String(),
                "share": dy.Float32(min=0, max=1),
                "l": dy.Float32(),
                "a": dy.Float32(),
                "b": dy.Float32(),
            }
        ),
        description="The object's dominant colours, most first: name, share, CIELAB.",
    )
    colour_histogram = dy.List(
        dy.Float32(min=0, max=1), description="Softly binned CIELAB histogram of the object."
    )
    texture = dy.List(
        dy.Float32(min=0), description="Local binary patterns, then energies of Gabor filters."
    )


class ImageEmbeddings(Partitioned):
    """One image as a vector of the space that texts are in."""

    image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The image.")
    encoder_version = dy.String(description="Encoder that made it, named by its content.")
    embedding = dy.List(dy.Float32(), description="The vector, of length 1.")


class ImageAttributes(Partitioned):
    """One attribute of what one image shows, as a model sees it."""

    image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The image.")
    attribute = dy.String(primary_key=True, regex=ATTRIBUTE, description="E.g. 'sleeve_length'.")
    value = dy.String(min_length=1, description="Most probable value, e.g. 'short'.")
    probability = dy.Float32(min=0, max=1, description="Its probability.")
    probabilities = dy.List(
        dy.Struct({"value": dy.String(), "probability": dy.Float32(min=0, max=1)}),
        description="Of the values of at least 0.01, most probable first.",
    )
    encoder_version = dy.String(description="Encoder whose embedding was read.")
    model_version = dy.String(description="Version of the search model that answered.")


class AttributeLabels(Contract):
    """One attribute of one product, as a file of labels says."""

    product_id = dy.String(primary_key=True, min_length=1, description="Product.")
    attribute = dy.String(primary_key=True, regex=ATTRIBUTE, description="E.g. 'sleeve_length'.")
    value = dy.String(min_length=1, description="E.g. 'short'.")
    source = dy.String(description="File it was imported from.")


class SearchEvaluations(Contract):
    """How well one method of search did on one data set, by one measure."""

    model_version = dy.String(primary_key=True, description="Version of the model evaluated.")
    dataset = dy.String(primary_key=True, min_length=1, description="Queries it was measured on.")
    method = dy.String(primary_key=True, min_length=1, description="E.g. 'words' or 'reranked'.")
    slice = dy.String(primary_key=True, min_length=1, description="'all', or a type of queries.")
    measure = dy.String(primary_key=True, min_length=1, description="E.g. 'nDCG@10'.")
    n = dy.Int64(min=0, description="Queries it was measured on.")
    value = dy.Float64(nullable=True, description="Mean over the queries; null: not defined.")
    lower = dy.Float64(nullable=True, description="Its bootstrap interval, …")
    upper = dy.Float64(nullable=True, description="… 95 %.")
    against = dy.String(
        nullable=True, description="Method that it is compared with, query by query; null: none."
    )
    difference = dy.Float64(nullable=True, description="Value less that method's.")
    difference_lower = dy.Float64(nullable=True, description="Its paired interval, …")
    difference_upper = dy.Float64(nullable=True, description="… 95 %.")
    p_value = dy.Float64(
        nullable=True, min=0, max=1, description="Of a paired randomisation test, two-sided."
    )
    note = dy.String(description="What to know about the number; '' if nothing.")
