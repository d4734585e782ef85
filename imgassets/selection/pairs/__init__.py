"""Are two pictures the same? Registration, local difference, and the verdict on a pair.

What is measured on two pictures (:mod:`~imgassets.selection.pairs.registration`,
:mod:`~imgassets.selection.pairs.differences`) is computed where they are decoded; it imports
neither torch nor polars. The verdict (:mod:`~imgassets.selection.pairs.verdict`) is a small model
over those measures.
"""
