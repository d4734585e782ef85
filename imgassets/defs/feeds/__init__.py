"""Feeds: supplier offers, the sensor that sees new feed files."""
