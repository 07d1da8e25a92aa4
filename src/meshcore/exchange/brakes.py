"""How a node takes what another of its operator says of brakes: stopping needs no more than an own node's word.

Going on is another matter: where the operator's key is protected it needs their signature, for exactly what was said.
"""

from __future__ import annotations

from collections.abc import Sequence

from meshcore.exchange.control_bodies import CeilingBody, DrillBody
from meshcore.exchange.report import note_drill
from meshcore.model import MODES
from meshcore.node import Node
from meshcore.trust.authors import is_same_node
from meshcore.trust.modes import FROM
from meshcore.trust.signed_decisions import protected, raises_there

CEILING_MARK = "ceiling_mark:"  # + node: the mark of the ceiling that it set here


def is_for(node: Node, only: Sequence[str]) -> bool:
    """Tell whether what names some nodes is for this one; a key that this node's replaced is this node."""
    me = node.identity.node.public
    return not only or any(is_same_node(node, key, me) for key in only)


def take_ceiling(node: Node, said: CeilingBody, speaker: str, called: str) -> bool:
    """Hold this node at a mode by another's word, or raise or end what that one had said; False where it may not."""
    controls = node.store.controls
    before, mark = controls.get(FROM + speaker) or "auto", controls.get(CEILING_MARK + speaker)
    wanted = said.mode or "auto"
    rises = MODES.index(wanted) > MODES.index(before)
    if rises and protected(node) and not raises_there(node, said.signed, speaker, mark, said.mode):
        return False
    with node.store.transaction():
        controls.set(FROM + speaker, "" if wanted == "auto" else wanted, called)
        controls.set(CEILING_MARK + speaker, said.mark, called)
        data = {"key": FROM + speaker, "value": said.mode, "actor": called}
        node.store.events.add("mesh.mode", data=data)
    return True


def take_drill(node: Node, said: DrillBody) -> None:
    """Let the next sign of life confirm a halt drill."""
    note_drill(node, said.mark)
