"""imgassets: from many suppliers' image feeds to one ordered image set per product."""

__version__ = "0.1.0"
