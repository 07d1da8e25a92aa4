"""The bridge: an ordered log of signed records, with receipts, that all nodes of a mesh read and append to.

Whoever exchanges records calls `open` with a URL and the contract in `base`; no other room names an engine.
"""
