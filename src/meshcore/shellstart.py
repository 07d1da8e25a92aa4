"""Stub that shells name by its path: `python -I -S …/meshcore/shellstart.py failed|worked|key SHELL SESSION …`."""

import os
import sys

if __name__ == "__main__":
    try:
        sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
        from meshcore.hook import start

        start.shell()
    finally:
        os._exit(0)  # a prompt has no use for what went wrong with us
