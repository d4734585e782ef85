"""Contracts of causal impact: engagement, interventions, and what is estimated from them."""

from __future__ import annotations

import dataframely as dy

from imgassets.warehouse.contract import CATEGORY, Contract, Partitioned

METRICS = ("impressions", "clicks", "add_to_cart", "orders")
"""Daily counts of a product. A new image set cannot change impressions: they are a placebo."""

INTERVENTION_SOURCES = ("feed", "image_set")
"""Who says that an image set went live: a file, or `image_set_changes`. Where files speak of a
category, they alone count there (view `standing_interventions`)."""

FILE_KINDS = ("engagement", "interventions")
"""What a file of impact's sources tells; also the stage of its refused rows in quarantine."""

IMPACT_STATUSES = ("estimated", "refused", "not yet")
"""What became of a cell's horizon; 'not yet': it had not ended on the day of the estimate."""

PLACEBO_KINDS = ("in time", "A/A")
"""Placebos: the treated products at a fake date, or untreated products at the true date."""


class EngagementDaily(Contract):
    """What people did with one product on one day; a product-day without a row is not known."""

    day = dy.Date(primary_key=True, description="The day counted.")
    category = dy.String(
        primary_key=True, regex=CATEGORY, description="Product category, as a slug."
    )
    product_id = dy.String(primary_key=True, min_length=1, description="Product.")
    impressions = dy.Int64(nullable=True, min=0, description="Times it was shown; null: not known.")
    clicks = dy.Int64(nullable=True, min=0, description="Times it was clicked, likewise.")
    add_to_cart = dy.Int64(nullable=True, min=0, description="Times put into a cart, likewise.")
    orders = dy.Int64(nullable=True, min=0, description="Times ordered, likewise.")
    feed_file = dy.String(description="File that the row came from.")

    @classmethod
    def partitioning(cls) -> tuple[str, ...]:
        """Return the partition columns: by month, for a day of a category is a few kilobytes."""
        return ("year(day)", "month(day)", "category")


class Interventions(Contract):
    """One product's new image set going live on one day, by one source."""

    day = dy.Date(primary_key=True, description="First day with the new image set.")
    category = dy.String(
        primary_key=True, regex=CATEGORY, description="Product category, as a slug."
    )
    product_id = dy.String(primary_key=True, min_length=1, description="Product.")
    source = dy.String(
        primary_key=True,
        check=lambda c: c.is_in(INTERVENTION_SOURCES),
        description="feed: a file says so; image_set: its set changed in image_set_changes.",
    )
    feed_file = dy.String(
        primary_key=True, description="File that says so; '' where the source is image_set."
    )
    detail = dy.String(description="What changed in the set; '' where a file says so.")

    @classmethod
    def partitioning(cls) -> tuple[str, ...]:
        """Return the partition columns: by month, for there are few rows on a day."""
        return ("year(day)", "month(day)", "category")


class EngagementFiles(Contract):
    """One file of engagement or of interventions, as it was taken in last."""

    file = dy.String(primary_key=True, description="Path or URL.")
    kind = dy.String(
        primary_key=True,
        check=lambda c: c.is_in(FILE_KINDS),
        description="engagement or interventions.",
    )
    sha256 = dy.String(description="Of its content.")
    source_key = dy.String(description="Version of the file (time, size …) when it was read.")
    judged_by = dy.String(
        description="Hash of the limits that its rows were held against; with the day where rows "
        "were refused because theirs had not been yet."
    )
    n_rows = dy.Int64(min=0, description="Rows that were taken.")
    n_refused = dy.Int64(min=0, description="Rows, or the whole file, in quarantine.")


class _AsOf(Partitioned):
    """Base of estimates as of a day, of one metric of one cohort of a category."""

    day = dy.Date(primary_key=True, description="Last day of the data used: nothing later is.")
    category = dy.String(
        primary_key=True, regex=CATEGORY, description="Product category, as a slug."
    )
    cohort = dy.Date(
        primary_key=True,
        description="First day of the period (week, as set) in which the products' sets went live.",
    )
    metric = dy.String(
        primary_key=True,
        check=lambda c: c.is_in(METRICS),
        description="impressions (a placebo), clicks, add_to_cart or orders.",
    )


class CausalImpact(_AsOf):
    """The effect of new image sets on one metric of one cohort, over one horizon."""

    horizon_weeks = dy.Int32(
        primary_key=True, min=1, description="Weeks from the first day with the new set on."
    )
    first_day = dy.Date(
        nullable=True, description="First day with a new set, of the cohort's first product."
    )
    last_day = dy.Date(
        nullable=True, description="Last day of the horizon, of the cohort's last product."
    )
    status = dy.String(
        check=lambda c: c.is_in(IMPACT_STATUSES), description="estimated, refused or not yet."
    )
    n_treated = dy.Int32(min=0, description="Products with a new set that are used.")
    n_control = dy.Int32(min=0, description="Untreated products that are used.")
    n_control_series = dy.Int32(min=0, description="Series that they are aggregated into.")
    pre_days = dy.Int32(min=0, description="Observed days before the intervention.")
    post_days = dy.Int32(min=0, description="Observed days of the horizon.")
    actual = dy.Float64(nullable=True, description="Sum over the horizon of what was observed.")
    predicted = dy.Float64(
        nullable=True, description="The same without new sets, as predicted from the controls."
    )
    effect = dy.Float64(nullable=True, description="actual - predicted.")
    effect_average = dy.Float64(nullable=True, description="effect per observed day.")
    relative_effect = dy.Float64(nullable=True, description="The effect, 0.05 is +5 %.")
    lower = dy.Float64(nullable=True, description="Of relative_effect: calibrated 95 % interval …")
    upper = dy.Float64(nullable=True, description="… which the verdict rests on.")
    raw_lower = dy.Float64(
        nullable=True, description="Of relative_effect: the model's own interval, as R prints it …"
    )
    raw_upper = dy.Float64(nullable=True, description="… which is too narrow more often than not.")
    effect_lower = dy.Float64(nullable=True, description="Of effect: calibrated interval …")
    effect_upper = dy.Float64(nullable=True, description="… likewise.")
    raw_effect_lower = dy.Float64(nullable=True, description="Of effect: the model's own …")
    raw_effect_upper = dy.Float64(nullable=True, description="… likewise.")
    placebo_scale = dy.Float64(
        nullable=True,
        min=0,
        description="Width of the calibrated interval ÷ the model's own, from placebos in time.",
    )
    n_placebos = dy.Int32(min=0, description="Placebos of like cells that the scale is made of.")
    tail_probability = dy.Float64(
        nullable=True, min=0, max=1, description="R's p: the posterior's smaller tail."
    )
    p_value = dy.Float64(
        nullable=True, min=0, max=1, description="Two-sided, by the calibrated scale."
    )
    q_value = dy.Float64(
        nullable=True,
        min=0,
        max=1,
        description="p_value after Benjamini and Hochberg, over the cells of the same estimate.",
    )
    probability = dy.Float64(
        nullable=True,
        min=0,
        max=1,
        description="Of an effect in the direction seen: 1 - p_value ÷ 2.",
    )
    raw_probability = dy.Float64(
        nullable=True, min=0, max=1, description="1 - tail_probability, as R prints it."
    )
    verdict = dy.String(min_length=1, description="In words, by one rule from the numbers.")
    reason = dy.String(description="Why it was refused, or what to know; '' if nothing.")
    pre_fit_mape = dy.Float64(
        nullable=True, min=0, description="Mean relative error, one day ahead, before the date."
    )
    pre_fit_r2 = dy.Float64(
        nullable=True, max=1, description="Share of variance so explained before the date."
    )
    residual_autocorrelation = dy.Float64(
        nullable=True, min=-1, max=1, description="Of those errors, from one day to the next."
    )
    sensitivity_low = dy.Float64(
        nullable=True, description="Smallest relative effect when parts of the controls are left …"
    )
    sensitivity_high = dy.Float64(nullable=True, description="… out in turn, and the largest.")
    notes = dy.List(
        dy.String(), description="What was left out or made good: products, controls, days."
    )
    model_version = dy.String(description="Version and options of the model.")
    rules_version = dy.String(description="Version of the rules of cells, controls and verdicts.")


class ImpactControls(_AsOf):
    """One control series of one cell: its products, and how well it tracks the treated."""

    control = dy.String(primary_key=True, min_length=1, description="Name of the series.")
    products = dy.List(dy.String(), description="Its products.")
    n_products = dy.Int32(min=0, description="How many.")
    from_categories = dy.List(dy.String(), description="Their categories, sorted.")
    correlation = dy.Float64(
        nullable=True, min=-1, max=1, description="With the treated series before the date."
    )
    level_ratio = dy.Float64(
        nullable=True, min=0, description="Its mean before the date ÷ that of the treated series."
    )
    trend_difference = dy.Float64(
        nullable=True, description="Its trend less the treated series', as shares of level a week."
    )
    weekday_distance = dy.Float64(
        nullable=True, min=0, description="How far their weekday profiles lie apart."
    )
    inclusion = dy.Float64(
        nullable=True, min=0, max=1, description="Posterior probability that the model uses it."
    )
    reason = dy.String(description="Why it was kept or dropped.")


class ImpactSeries(_AsOf):
    """One day of one cell: what was observed, and what was expected without new sets."""

    tau = dy.Int32(primary_key=True, description="Days since the first day with the new set.")
    date = dy.Date(nullable=True, description="The day, where the cohort has one date alone.")
    actual = dy.Float64(nullable=True, description="Observed; null: too little was.")
    expected = dy.Float64(
        nullable=True,
        description="Predicted: one day ahead before the date, then without new sets.",
    )
    expected_lower = dy.Float64(nullable=True, description="Its interval, calibrated …")
    expected_upper = dy.Float64(nullable=True, description="… from the date on.")
    cumulative_effect = dy.Float64(nullable=True, description="Sum of actual - expected so far.")
    cumulative_lower = dy.Float64(nullable=True, description="Its interval, …")
    cumulative_upper = dy.Float64(nullable=True, description="… calibrated.")


class ImpactPlacebos(_AsOf):
    """One placebo: an estimate where there is no effect to be found."""

    horizon_weeks = dy.Int32(primary_key=True, min=1, description="Weeks predicted.")
    kind = dy.String(
        primary_key=True,
        check=lambda c: c.is_in(PLACEBO_KINDS),
        description="in time: a fake date before the true one; A/A: untreated products.",
    )
    placebo = dy.Int32(primary_key=True, min=0, description="Number of the placebo.")
    train_from = dy.Int32(description="First day trained on, in days since the true date.")
    train_to = dy.Int32(description="Last day trained on; the prediction starts the day after.")
    predicted = dy.Float64(nullable=True, description="Sum predicted.")
    actual = dy.Float64(nullable=True, description="Sum observed.")
    error_relative = dy.Float64(nullable=True, description="actual ÷ predicted - 1.")
    raw_sd = dy.Float64(nullable=True, min=0, description="The model's own standard deviation.")
    z = dy.Float64(nullable=True, description="(actual - predicted) ÷ raw_sd.")
    covered_raw = dy.Bool(nullable=True, description="The model's own interval holds zero effect.")
    covered_calibrated = dy.Bool(nullable=True, description="The calibrated interval does.")
