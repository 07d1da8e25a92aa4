"""The mesh as tools of a model: a server of the Model Context Protocol over standard input and output.

The command that serves it calls it.
"""
