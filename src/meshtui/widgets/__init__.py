"""What the panes are made of: rows, bars, the timeline, the log's lines, the header.

The panes and the app use it; a widget draws what it is given and asks neither store nor bridge.
"""
