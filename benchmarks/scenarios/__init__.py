"""Everyday scenarios: `python -m benchmarks.scenarios` plays each with two agents and says what became of it.

Nothing calls this package but `make scenarios`; it calls `meshtui` as a user would, as a process, never its code.
"""
