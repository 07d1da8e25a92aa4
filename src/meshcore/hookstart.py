"""Stub that installed agents name by its path: `python -I -S …/meshcore/hookstart.py AGENT [NAME=VALUE…]`."""

import _signal  # type: ignore[import-not-found]
import os
import sys

DEADLINE_SECONDS = 8  # of everything, the follow-up too: whoever waits for us goes on then, whatever hangs

if __name__ == "__main__":
    try:
        _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)  # ends this process even where a disk does not answer
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [_signal.SIGALRM])
        _signal.alarm(DEADLINE_SECONDS)
        # The folder of this file would come first, and the modules in it hide others of their names.
        sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
        from meshcore.hook import start

        start.agent()
    finally:
        os._exit(0)  # an agent has no use for what went wrong with us
