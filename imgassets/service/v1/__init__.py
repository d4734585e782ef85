"""The REST interface, version 1: image sets, review photos and search for programs."""
