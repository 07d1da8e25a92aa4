"""The commands, one module each, imported only when its command is called.

Only `meshtui.__main__` calls into this room; nothing else of the terminal does.
"""
