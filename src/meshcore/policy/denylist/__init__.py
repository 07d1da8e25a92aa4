"""The denylist: actions that are refused whatever else is said, by program and by what they would do.

Only the policy asks it.
"""
