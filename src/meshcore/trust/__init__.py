"""Whom a node believes: authors and their standing, modes, and decisions signed with the operator's key.

Healing, the exchange and a person's decisions ask it.
"""
