"""Hooks of agents and shells: a process of some milliseconds that notes a command and answers with what is known.

Agents and shells start it through the stubs `hookstart` and `shellstart`; all but the follow-up is light.
"""
