"""The web service: pages for people and JSON for programs, over the warehouse and image store.

A face, like ``defs`` and ``cli``: it calls operations and domain packages, and nothing but the
command line imports it. Nothing is imported here, so that the processes that draw pictures stay
small.
"""
