"""Stub that installed agents name by its path: `python -I -S …/meshcore/hookstart.py AGENT [HOME [BRIDGE]]`."""

import os
import sys

if __name__ == "__main__":
    try:
        # The folder of this file would come first, and the modules in it hide others of their names.
        sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
        from meshcore.hook import start

        start.agent()
    finally:
        os._exit(0)  # an agent has no use for what went wrong with us
