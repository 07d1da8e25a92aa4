"""What runs for long: the runtime with its loops, the worker for approvals, upkeep and diagnosis.

The command line and the terminal start it.
"""
