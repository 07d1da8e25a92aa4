"""Running commands: passed through as they are, or bounded and contained.

Healing and the command line call it; it knows nothing of skills or stores.
"""
