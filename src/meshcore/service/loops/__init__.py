"""The loops of the runtime: the monitor's passes and the validation of runs.

Only the runtime starts them.
"""
