"""The store: one SQLite file per home, the truth of a node; each change is written with the event that it causes.

Any room above may open one; statements stand here and nowhere else.
"""
