"""The loop: an incident is matched, ruled on, fixed, and its command run again; only that counts as healed.

Commands, hooks' follow-ups and the service call it.
"""
