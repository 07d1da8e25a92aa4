"""What is known at the start: lists that `scripts/packs.py` makes, and the rules by which a file of that kind is read.

Matching never asks it; healing does, where nothing that was learnt answers.
"""
