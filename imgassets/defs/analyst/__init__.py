"""What analysts work with: the views over the tables."""
