"""Be `meshtui` with everything imported: fork for each request that comes over a socket (see `tests/warm.py`)."""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import signal
import socket
import struct
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

COLD = ("meshcore.bridge.postgres", "meshcore.demo", "meshcore.hook", "meshcore.mcp", "meshcore.testing")
"""What no command imports while it runs, or what is a program of its own."""


def load() -> None:
    """Import what commands import."""
    import meshcore
    import meshtui.cli

    for package in (meshcore, meshtui.cli):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not module.name.startswith((*COLD, "meshcore.hookstart", "meshcore.shellstart")):
                import_module(module.name)
    gc.collect()
    gc.freeze()


def serve(requests: socket.socket) -> list[str]:
    """Fork for each request until nobody asks any more; return its arguments in each process that was forked."""
    answers: dict[int, int] = {}

    def reap(*_: object) -> None:
        while answers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            os.write(answers[pid], struct.pack("i", os.waitstatus_to_exitcode(status)))
            os.close(answers.pop(pid))

    signal.signal(signal.SIGCHLD, reap)
    while True:
        head, descriptors, _, _ = socket.recv_fds(requests, 4, 4)
        if not head:
            os._exit(0)
        [length] = struct.unpack("i", head)
        body = b""
        while len(body) < length:
            body += requests.recv(length - len(body))
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if pid:
            answers[pid] = descriptors[3]
            os.write(descriptors[3], struct.pack("i", pid))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return begin(json.loads(body), descriptors)
        for descriptor in descriptors[:3]:
            os.close(descriptor)


def begin(asked: dict[str, Any], descriptors: list[int]) -> list[str]:
    """Take the streams, folder and environment of one request; return its arguments."""
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    os.closerange(3, 4096)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.path[0] = str(Path.cwd())
    return list(asked["arguments"])


def end(exit_code: int) -> None:
    """Leave as the interpreter would, without taking its modules apart: that takes longer than most commands."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    os._exit(exit_code)


if __name__ == "__main__":
    load()
    sys.argv[1:] = serve(socket.socket(fileno=int(sys.argv[1])))
    from meshtui.__main__ import main

    try:
        main()
    except SystemExit as left:
        end(left.code if isinstance(left.code, int) else 1)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        end(1)
