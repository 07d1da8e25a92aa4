"""The temporary folders of a run in memory, where that is possible: a disk took 4 ms for each commit of a store.

What a store promises about a disk is tested with kill -9, full disks and calls that are traced; none of it needs one.
"""

from __future__ import annotations

import ctypes
import getpass
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CLONE_NEWNS = 0x20000
LEAST_FREE = 6 << 30  # bytes of memory: a whole run fills less than a third of them


def keep_in_memory() -> None:
    """Put a file system in memory where pytest makes its folders, for this process and those that it starts.

    Nothing else sees it, and it is gone with the last of them. Without root, or with little memory, nothing is done;
    `--basetemp` keeps a run's folders on a disk.
    """
    if sys.platform != "linux" or os.geteuid() != 0 or free_memory() < LEAST_FREE:
        return
    root = os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir()
    folder = Path(root).resolve() / f"pytest-of-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0 and mounted("--make-rslave", "/"):
        mounted("-t", "tmpfs", "-o", "mode=700", "tmpfs", str(folder))


def mounted(*words: str) -> bool:
    """Call mount; return whether it did what it was asked."""
    try:
        return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0
    except OSError:  # there is none
        return False


def free_memory() -> int:
    """Return how many bytes of memory are free, or would be."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, value = line.split(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return 0
