"""The demonstration: a failure that one agent has fixed heals at the next one, for real.

Only `meshtui demo` and the tests call it.
"""
