"""The terminal of the mesh: commands and, without one, the operator's screen."""
