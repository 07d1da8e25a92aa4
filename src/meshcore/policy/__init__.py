"""The policy: which action may run here, which one a person must approve, and which one is refused, with reasons.

Healing's ruling and the command line ask it; nothing in it runs a command.
"""
