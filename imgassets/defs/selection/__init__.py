"""Selection: quality, types, duplicates, the ordered set."""
