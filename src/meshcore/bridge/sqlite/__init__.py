"""The bridge of one host: an SQLite log file, a doorbell that wakes readers, and their upkeep.

Only `bridge.open` may make one.
"""
