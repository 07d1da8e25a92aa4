"""The three artifacts of a run: their models, strict reading, and validation.

The service's loop, the terminal and `meshtui validate` call it.
"""
