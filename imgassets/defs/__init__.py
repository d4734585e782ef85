"""All that knows Dagster: partitions, resources, IO manager, assets, checks, jobs, automation."""
