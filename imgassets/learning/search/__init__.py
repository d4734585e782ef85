"""Finding images by text: encoders, attribute heads and the re-ranker, trained as one model."""
