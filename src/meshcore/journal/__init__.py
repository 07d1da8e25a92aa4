"""The journal: a readable JSONL projection of the store's events, and reading any such log.

The node writes it; the terminal and the evidence read it.
"""
