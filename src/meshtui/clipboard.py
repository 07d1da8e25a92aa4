"""Copying: by a program of the desktop where there is one, else by OSC 52 through the terminal, also inside tmux."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from meshcore.safety.visible_text import visible
from meshtui.driver import tell_terminal

if TYPE_CHECKING:
    from textual.app import App

LIMIT_BYTES = 64 * 1024  # more than this many terminals drop, or choke on
_WAIT_SECONDS = 1.0


def native(environment: Mapping[str, str]) -> Sequence[str]:
    """Return the desktop's own program for copying, () where there is none here (also over SSH)."""
    if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"):
        return ()
    if environment.get("WAYLAND_DISPLAY") and shutil.which("wl-copy"):
        return ("wl-copy",)
    if environment.get("DISPLAY") and shutil.which("xclip"):
        return ("xclip", "-selection", "clipboard")
    return ("pbcopy",) if shutil.which("pbcopy") else ()


def osc52(text: str, environment: Mapping[str, str]) -> str:
    """Return the sequence that asks a terminal to copy a text; where tmux stands between, wrapped and plain.

    A tmux that passes nothing through may copy by itself, and the other way round.
    """
    sequence = f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07"
    if environment.get("TMUX"):
        return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\{sequence}"
    return sequence


def copy(app: App[int], text: str, environment: Mapping[str, str] | None = None) -> str:
    """Copy a text; return one sentence for the person about what was done."""
    env = os.environ if environment is None else environment
    data = visible(text).encode()
    cut = len(data) > LIMIT_BYTES
    text = data[:LIMIT_BYTES].decode(errors="ignore")
    size = f"the first {LIMIT_BYTES // 1024} KiB" if cut else f"{len(text)} characters"
    if (program := native(env)) and _copied(program, text):
        return f"copied {size}"
    tell_terminal(app, osc52(text, env))
    return f"copied {size}, if the terminal allows it (OSC 52)"


def _copied(program: Sequence[str], text: str) -> bool:
    try:
        done = subprocess.run(
            program, input=text.encode(), timeout=_WAIT_SECONDS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
