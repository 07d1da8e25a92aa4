"""What the mesh knows: signatures of errors, skills that answer them, and how skills are learnt, matched and passed on.

Hooks and healing ask it; it never runs anything.
"""
