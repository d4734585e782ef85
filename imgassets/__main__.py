"""Lets `python -m imgassets` run the command line."""

from imgassets.cli import main

main()
