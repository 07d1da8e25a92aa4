"""Keys, signed records, redaction, visible text, strict JSON, the halt file: what must be right before anything else.

Any room above may call it.
"""
