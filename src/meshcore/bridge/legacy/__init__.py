"""The old bridge table: served through a gateway, so that old programs still send to and hear from the mesh.

The runtime calls the gateway; it is a client of a bridge like any other.
"""
