"""From supplier feeds to stored image bytes: landing, parsing, fetching and aggregating."""
