"""Humans in the loop: flags, questions to reviewers, and their answers. Frames in, frames out."""
