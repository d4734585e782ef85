"""Ranking customers' review photos: examples, pairs, rankers and how they are trained (paper B)."""
