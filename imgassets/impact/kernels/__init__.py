"""Compiled kernels of the structural time-series model; only :mod:`imgassets.impact` uses them."""
