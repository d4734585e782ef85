"""The generated sample catalog of ``imgassets demo``: products that no camera ever saw.

Everything is rendered here, from geometry and noise: feeds of three suppliers over three days,
their pictures with the usual copies and defects, labels, and the truth to compare results with.
"""

from imgassets.sample.catalog import SampleCatalog, write_sample_catalog
from imgassets.sample.reviews import SampleReviews, write_sample_reviews

__all__ = ["SampleCatalog", "SampleReviews", "write_sample_catalog", "write_sample_reviews"]
