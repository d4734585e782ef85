"""Graded distortions of photos, for learning what a poor photo is (paper B: arXiv 2308.05390).

The trained families are the paper's. The others are kept from every training: whether a ranker
knows a poor photo, or only the seven ways it was shown, is measured on them.
"""

from imgassets.learning.synthetic.distortions.families import (
    DISTORTIONS_VERSION,
    FAMILIES,
    TRAINED,
    UNSEEN,
    Family,
    distort,
)

__all__ = ["DISTORTIONS_VERSION", "FAMILIES", "TRAINED", "UNSEEN", "Family", "distort"]
