"""The monitor: a record of the mesh's state at each pass, in the old system's format, and reading such logs.

The service's loop and `meshtui monitor` call it.
"""
