"""Evidence: what happened, measured and exported so that a sceptic can check it.

The command line, the terminal and the service read it; it writes nothing but files that were asked for.
"""
