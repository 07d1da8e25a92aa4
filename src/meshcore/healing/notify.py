"""Telling the operator that something waits: the command that they set as `on_approval`, started and left alone."""

from __future__ import annotations

import os
import subprocess

from meshcore.node import Node
from meshcore.store.rows import Approval

APPROVAL_VARIABLE = "MESHTUI_APPROVAL"


def notify(node: Node, approval: Approval) -> None:
    """Start the operator's command, if there is one, with the approval's id in MESHTUI_APPROVAL; nobody waits for it.

    A command that cannot be started becomes an event.
    """
    argv = node.settings.on_approval
    if not argv:
        return
    try:
        subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, APPROVAL_VARIABLE: approval.approval_id},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        node.store.events.add("fault", data={"what": f"on_approval: {argv[0]} cannot be started ({what})"})
