"""Whether everything is halted: a HALT file, a halt that an own node told of, or one that nobody signed to lift."""

from __future__ import annotations

import json
import secrets

from meshcore.node import Node
from meshcore.safety import halt as switch
from meshcore.trust.signed_decisions import holds, protected


def halted(node: Node) -> str:
    """Return why nothing may be applied now, empty where it may: the HALT file, or a signed halt of an own node."""
    if why := switch.halted(node.settings.operator):
        if protected(node):
            note_halt(node, why)
        return why
    return "; ".join(node.store.halts.reasons()) or halt_not_lifted(node)


def note_halt(node: Node, why: str) -> None:
    """Remember a halt, so that only a signed decision lifts it, whatever becomes of the file."""
    if halt_not_lifted(node) != why:
        node.store.state.set(last_halt=json.dumps([secrets.token_hex(8), why]))


def halt_not_lifted(node: Node) -> str:
    """Return why everything is still halted although no HALT file says so: nobody signed for going on."""
    if not protected(node) or not (kept := node.store.state.get()["last_halt"]):
        return ""
    return str(json.loads(kept)[1]) if not holds(node, "resume", "halt", {"halt": kept}) else ""
