"""All that knows Dagster: partitions, resources, IO manager, assets, checks, jobs, automation."""

import warnings

import dagster as dg

# Backfill policies, partitioned checks and multi-dimension mappings are marked beta or preview.
# They were verified on the Dagster line that pyproject.toml pins; a new line needs a new look.
for _category in (dg.BetaWarning, dg.PreviewWarning):
    warnings.filterwarnings("ignore", category=_category)
