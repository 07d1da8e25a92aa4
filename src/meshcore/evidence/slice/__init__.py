"""A slice: what one node knows of a span of time, gathered from its store, merged with others, written and read.

The report and the export of evidence call it.
"""
