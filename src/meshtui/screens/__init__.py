"""The panes, the screens on top of them, and the table that names them all.

The app shows what the table names; a pane knows of the app only what `meshtui.host` says.
"""
