"""NIMA's heads: distributions of ratings from stored features, and how heads are trained."""
