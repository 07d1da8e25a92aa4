"""Many `meshtui` commands in one process, their output read from a pipe or from a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]

_DRIVER = """\
import json, sys
from meshtui.__main__ import run
for arguments in json.load(open(sys.argv[1], encoding="utf-8")):
    try:
        run(arguments)
    except SystemExit:
        pass
"""
ROWS, COLUMNS = 50, 200


def environment_of(folder: Path, **more: str) -> dict[str, str]:
    """Return an environment in which nothing of the user's own is seen; everything lies in a folder."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "MESHTUI_OPERATOR_DIR": str(folder / "operator"),
        "MESHTUI_HOME": str(folder / "home"),
        "MESHTUI_BRIDGE": str(folder / "bridge.db"),
        "MESHTUI_CONTAINMENT": "off",
        **more,
    }


def outputs(commands: Sequence[Sequence[str]], environment: Mapping[str, str], folder: Path, *, tty: bool) -> bytes:
    """Run the commands one after the other in a folder; return all that they wrote to standard output and error."""
    folder.mkdir(exist_ok=True)
    script = folder / "commands.json"
    script.write_text(json.dumps([list(command) for command in commands]), "utf-8")
    argv = [sys.executable, "-c", _DRIVER, str(script)]
    env = {**environment, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    if not tty:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=folder,
            timeout=600,
        )
        return done.stdout
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env={**env, "TERM": "xterm-256color"}, cwd=folder
    )
    os.close(theirs)
    written = bytearray()
    try:
        while data := os.read(ours, 1 << 16):
            written += data
    except OSError:  # EIO: the last one who could write has gone
        pass
    finally:
        os.close(ours)
        process.wait(timeout=60)
    return bytes(written)
