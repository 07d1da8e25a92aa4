"""A question at the terminal about a fix: its commands, what runs again after it, and why a person is asked."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING

from meshcore.process.pty import in_foreground
from meshtui.cli.context import note

if TYPE_CHECKING:
    from meshcore.healing.session import Session as Healing

ANSWER_WITHIN_S = 60.0  # what nobody answers waits under approvals


def ask_here(healing: Healing) -> None:
    """Take the yes of a person who sees all that is printed, and may type; without one it goes on waiting."""
    if _somebody_is_here():
        note(healing.question)
        if _yes():
            from meshtui.cli.passphrase import signing_key

            healing.approve(signing_key(healing.node))


def _somebody_is_here() -> bool:
    """Tell whether a person sees all that is printed, and may type."""
    return "CI" not in os.environ and all(map(os.isatty, (0, 1, 2))) and in_foreground(0)


def _yes() -> bool:
    sys.stderr.write("run it? [y/N] ")
    sys.stderr.flush()
    if not select.select([0], [], [], ANSWER_WITHIN_S)[0]:
        sys.stderr.write("no answer\n")
        return False
    return sys.stdin.readline().strip().lower() in ("y", "yes")
