"""Agent programs: one module each for all of a program, reached through `table`, and what the modules share.

The hook, its follow-up, the commands that connect, and whoever reads the past of agents call it.
"""
