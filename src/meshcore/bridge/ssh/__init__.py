"""The SQLite bridge of another host, through the `ssh` program: a client here, a server on the pipe there.

Opened by `meshcore.bridge.open` alone; `meshtui bridge serve --stdio` runs the server.
"""
