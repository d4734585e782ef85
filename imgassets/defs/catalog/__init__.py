"""The catalog as a whole: what holds across products, categories and days."""
