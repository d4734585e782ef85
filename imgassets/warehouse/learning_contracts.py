"""Contracts of what people say and models learn: labels, questions, answers, rounds, versions."""

from __future__ import annotations

import dataframely as dy

from imgassets.warehouse.contract import CATEGORY, HASH64, IMAGE_ID, Contract

ANSWER = r"^[^\p{Lu}\p{C}]{1,60}$"
"""What an answer looks like: a few lower-case letters, such as 'yes', 'unsure' or 'front'."""

TASK_REASONS = ("uncertain", "confident", "neighbour", "disagreement", "random")
"""Why a question is asked."""

LABEL_KINDS = ("types", "flags", "unknown")
"""What a file of labels labels."""


class ImageLabels(Contract):
    """One person's label of one image's type."""

    product_id = dy.String(primary_key=True, description="Product.")
    image_url = dy.String(primary_key=True, description="Reference as in the feed.")
    image_type = dy.String(min_length=1, description="Type, or 'none'.")
    group_id = dy.String(description="Images of one group (style) never split across train/test.")
    source = dy.String(description="File it was imported from.")


class FlagLabels(Contract):
    """One imported yes or no: whether one image deserves one flag."""

    product_id = dy.String(primary_key=True, description="Product.")
    image_url = dy.String(primary_key=True, description="Reference as in the feed.")
    flag = dy.String(primary_key=True, description="The flag, e.g. 'weapon' or 'blurry'.")
    value = dy.Bool(description="The image deserves the flag.")
    group_id = dy.String(description="Images of one group (style) never split across train/test.")
    split = dy.String(
        check=lambda c: c.is_in(["train", "holdout"]),
        description="holdout: never trained on, every round is measured on it.",
    )
    source = dy.String(description="File it was imported from.")


class ReviewTasks(Contract):
    """One question to people about one image; asked once, however many rounds want it."""

    task_id = dy.String(
        primary_key=True, regex=HASH64, description="Hash of flag and image, or images."
    )
    image_id = dy.String(regex=IMAGE_ID, description="The image.")
    other_image_id = dy.String(
        nullable=True, regex=IMAGE_ID, description="The other image of a pair; else null."
    )
    image_box = dy.List(
        dy.Float32(min=0, max=1),
        nullable=True,
        description="Where the image differs from the other: top, left, height, width as shares.",
    )
    other_box = dy.List(
        dy.Float32(min=0, max=1), nullable=True, description="The same place in the other image."
    )
    flag = dy.String(
        description="The flag that is asked about; 'image_type': the image's type; "
        "'same_picture': whether two images of a product show the same."
    )
    question = dy.String(description="What the reviewer reads; 'yes' deserves the flag.")
    choices = dy.List(
        dy.String(regex=ANSWER),
        nullable=True,
        description="What can be answered besides 'unsure', as shown; null: yes and no.",
    )
    category = dy.String(regex=CATEGORY, description="Category of the product shown with it.")
    product_id = dy.String(description="A product that has the image.")
    round = dy.Int32(min=0, description="Round of the loop that asked first; 0: outside the loop.")
    reason = dy.String(
        check=lambda c: c.is_in(TASK_REASONS),
        description="uncertain, confident, neighbour, disagreement or random.",
    )
    why = dy.String(description="The same as a sentence for the reviewer.")
    probability = dy.Float32(
        nullable=True,
        min=0,
        max=1,
        description="The model's, of 'yes' or of its best choice, where it has one.",
    )
    guess = dy.String(
        nullable=True, description="The choice that the model takes; null: none, or yes and no."
    )
    model_version = dy.String(description="Version that asked; '' if none.")
    priority = dy.Float32(min=0, max=1, description="Asked in falling order.")
    neighbours = dy.List(
        dy.String(), description="Nearest images in embedding space, nearest first, as image_ids."
    )


class ReviewAnswers(Contract):
    """One thing a reviewer said. Rows are only ever added; an undo is a row of its own."""

    answer_id = dy.String(
        primary_key=True,
        min_length=1,
        description="Given by whoever sends it: sent twice, kept once.",
    )
    task_id = dy.String(regex=HASH64, description="The question.")
    image_id = dy.String(regex=IMAGE_ID, description="The image, as in the task.")
    flag = dy.String(description="The flag, as in the task.")
    answer = dy.String(
        regex=ANSWER,
        description="yes or no, or one of the task's choices; unsure; or undo (see undoes).",
    )
    reviewer = dy.String(min_length=1, description="Who answered.")
    answered_at = dy.Datetime(time_zone="UTC", time_unit="us", description="When, in UTC.")
    undoes = dy.String(nullable=True, description="answer_id that an undo takes back.")
    source = dy.String(description="web, or the file it was imported from.")


class ReviewRounds(Contract):
    """One round of the loop for one flag: what it knew, scanned and asked, and how good it was."""

    flag = dy.String(primary_key=True, description="The flag.")
    round = dy.Int32(primary_key=True, min=1, description="From 1.")
    model_version = dy.String(description="Version that the round trained.")
    promoted = dy.Bool(description="That version became champion.")
    n_positive = dy.Int32(min=0, description="Images known to deserve the flag, trained on.")
    n_negative = dy.Int32(min=0, description="Images known or taken not to, trained on.")
    n_answers = dy.Int32(min=0, description="Answers of people behind these, so far.")
    n_scanned = dy.Int32(min=0, description="Images of the catalog scanned.")
    n_confident = dy.Int32(min=0, description="Over the reject limit: quarantined, and checked.")
    n_uncertain = dy.Int32(min=0, description="Between the limits.")
    n_neighbours = dy.Int32(min=0, description="Nearest neighbours of both.")
    n_tasks = dy.Int32(min=0, description="New questions that the round asked.")
    n_holdout = dy.Int32(min=0, description="Images of the fixed holdout.")
    precision = dy.Float64(nullable=True, description="On the holdout; null without one.")
    recall = dy.Float64(nullable=True, description="Likewise.")
    f1 = dy.Float64(nullable=True, description="Likewise.")
    reject_limit = dy.Float64(description="Probability from which an image is rejected.")
    review_limit = dy.Float64(description="Probability from which people are asked.")


class DefectExamples(Contract):
    """One synthetic example: a good image spoilt on purpose, with its signals."""

    example_id = dy.String(primary_key=True, description="Hash of all that makes the picture.")
    image_id = dy.String(regex=IMAGE_ID, description="The image it was made from.")
    defect = dy.String(description="What was done, e.g. 'motion_blur'.")
    severity = dy.Float64(min=0, max=1, description="How much: hardly visible to gross.")
    seed = dy.Int64(description="Of every random choice.")
    others = dy.List(
        dy.String(regex=IMAGE_ID), nullable=True, description="Further images of the product in it."
    )
    signals_version = dy.String(description="As in image_signals.")
    sharpness = dy.Float32(min=0, description="As in image_signals.")
    foreground_fraction = dy.Float32(min=0, max=1, description="Likewise.")
    background_whiteness = dy.Float32(min=0, max=1, description="Likewise.")
    background_pure_white = dy.Float32(min=0, max=1, description="Likewise.")
    object_extent = dy.Float32(min=0, max=1, description="Likewise.")
    detail = dy.Float32(min=0, max=1, description="Likewise.")
    colourfulness = dy.Float32(min=0, description="Likewise.")
    embedding = dy.List(dy.Float32(), description="Likewise.")


class LabelFiles(Contract):
    """One file of labels that was taken in, as it was read last."""

    file = dy.String(primary_key=True, description="Path or URL.")
    kind = dy.String(
        check=lambda c: c.is_in(LABEL_KINDS), description="types, flags, or unknown: not readable."
    )
    sha256 = dy.String(regex=IMAGE_ID, description="Of the file.")
    source_key = dy.String(description="Version of the file (time, size …) when it was read.")
    judged_by = dy.String(description="Hash of the lists of types and flags that judged it.")
    n_rows = dy.Int32(min=0, description="Rows, good or bad.")
    n_imported = dy.Int32(min=0, description="Labels that the file gives.")
    n_refused = dy.Int32(min=0, description="Rows in quarantine; an unreadable file is one.")


class FileLabels(Contract):
    """One label as one file gave it; image_labels and flag_labels hold what stands of them."""

    file = dy.String(primary_key=True, description="Path or URL, as in label_files.")
    product_id = dy.String(primary_key=True, description="Product.")
    image_url = dy.String(primary_key=True, description="Reference as in the feed.")
    flag = dy.String(primary_key=True, description="The flag, or 'image_type'.")
    value = dy.String(min_length=1, description="The type; of a flag, yes or no.")
    group_id = dy.String(description="Images of one group (style) never split across train/test.")
    split = dy.String(description="As in flag_labels; '' for types.")
    sequence = dy.Int32(
        min=1, description="When it was given, from 1; where files disagree, the last is right."
    )


class Categories(Contract):
    """One category: its vertical, and the types its images may have."""

    category = dy.String(primary_key=True, regex=CATEGORY, description="Category slug.")
    vertical = dy.String(nullable=True, regex=CATEGORY, description="Vertical; null: none.")
    types = dy.List(
        dy.String(min_length=1), description="Types its images may have; 'none' always is another."
    )
    expected = dy.List(
        dy.String(min_length=1), description="Those of them that a complete image set has."
    )


class TypePriorities(Contract):
    """One image type's place in a category's order of views."""

    category = dy.String(primary_key=True, regex=CATEGORY, description="Category slug.")
    image_type = dy.String(primary_key=True, description="Type.")
    rank = dy.Int32(min=1, description="1 comes first.")


class TypeAccuracy(Contract):
    """How well one category's images are typed: by the model that answers, on held-out labels."""

    category = dy.String(primary_key=True, regex=CATEGORY, description="Category slug.")
    vertical = dy.String(nullable=True, description="Its vertical, if it has one.")
    answered_by = dy.String(description="'category mens-tees', 'vertical apparel' or 'global'.")
    model_version = dy.String(description="Registered version that answers.")
    approach = dy.String(description="logistic, shallow_net or retrained_block.")
    n = dy.Int32(min=1, description="Labelled images that were held out from it.")
    accuracy = dy.Float64(min=0, max=1, description="Share of them that it typed right.")
    macro_f1 = dy.Float64(min=0, max=1, description="Mean F1 of their types.")


class ModelVersions(Contract):
    """One registered model version and how it did on held-out labels."""

    model = dy.String(primary_key=True, description="Registered model's name.")
    version = dy.Int32(primary_key=True, min=1, description="Version number in MLflow.")
    is_champion = dy.Bool(description="Carries the alias 'champion'.")
    run_id = dy.String(description="MLflow run.")
    metric = dy.String(description="Metric the promotion was decided by.")
    value = dy.Float64(
        nullable=True, description="Its value on the held-out part; null: nothing to measure it on."
    )
    n_train = dy.Int32(min=0, description="Labelled images trained on.")
    n_test = dy.Int32(min=0, description="Labelled images held out.")
    snapshot_id = dy.Int64(min=0, description="Warehouse snapshot the data came from.")
