"""The before/after gallery and the scoreboard: frames in, HTML or rows out."""

from imgassets.gallery.data import GalleryData
from imgassets.gallery.frames import latest
from imgassets.gallery.gallery import render_gallery
from imgassets.gallery.scoreboard import ScoreRow, Tables, print_scoreboard, score
from imgassets.gallery.truth import read_truth

__all__ = [
    "GalleryData",
    "ScoreRow",
    "Tables",
    "latest",
    "print_scoreboard",
    "read_truth",
    "render_gallery",
    "score",
]
