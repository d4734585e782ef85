"""Synthetic defects of product images: training data where real defects are rare (paper A, II-A).

Every defect takes a good picture, a severity from 0 (hardly visible) to 1 (gross) and a seed, and
gives a picture such as a supplier might send. The harmless variations among them are good images:
negatives, without which a classifier learns that whatever was edited is bad. Likewise drawn are
pictures of the types that all categories share (a scene, several views, a size chart): no faults.
"""

from imgassets.learning.synthetic.defects import DEFECTS, Defect
from imgassets.learning.synthetic.making import make, render

SYNTHETIC_VERSION = "defects-1"
"""Raised whenever the picture of any defect, severity and seed changes."""

__all__ = ["DEFECTS", "SYNTHETIC_VERSION", "Defect", "make", "render"]
