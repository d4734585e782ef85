"""Images: fetched, aggregated over suppliers, turned into signals."""
