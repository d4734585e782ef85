"""What the faces share: operations that join the warehouse with the domain packages.

Knows neither Dagster nor the command line; Dagster assets and the CLI call it.
"""
