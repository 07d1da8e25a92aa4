"""Under which keys a store holds what an operator, a person or failures have ruled; light, since hooks ask as well."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshcore.model import Action

ENROLLED = "enrolled:"  # + node or operator key
TOLD = "told:"  # + node or operator key: agents are told what it says fails and what to type instead
REVOKED = "revoked:"  # + node or operator key: why
ALWAYS = "always:"  # + skill, action hash, folder: what an operator signs for a standing approval


def action_hash(action: Action) -> str:
    """Return the SHA-256 of a filled-in action: an approval is for exactly this one."""
    from meshcore.model import action_to_json, canonical  # a look before a command asks for keys alone

    return hashlib.sha256(canonical(action_to_json(action)).encode()).hexdigest()


def always_key(skill_id: str, hashed: str, folder: str) -> str:
    """Return what an operator signs for: that exactly this action of a skill may run in a project."""
    # A name that is not UTF-8 has no place in a text.
    return f"{ALWAYS}{skill_id}:{hashed}:{folder.encode('utf-8', 'surrogateescape').hex()}"
