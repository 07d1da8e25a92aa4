"""Under which keys a store holds what an operator, a person or failures have ruled; light, since hooks ask as well."""

from __future__ import annotations

import hashlib

from meshcore.model import Action, action_to_json, canonical

ENROLLED = "enrolled:"  # + node or operator key
REVOKED = "revoked:"  # + node or operator key: why
ALWAYS = "always:"  # + skill, action hash, folder: who approved it for good
NOT_HERE = "not_here:"  # + skill, folder: who wants it no more there
LEARNT_BY = "learnt_by:"  # + skill: the agent of this node whose commands showed it
HALTED_BY = "halt:"  # + node: why that node has halted the mesh
BAD_ACTION = "bad_action:"  # + hash of the normalised action: the skill that failed too often with it


def action_hash(action: Action) -> str:
    """Return the SHA-256 of a filled-in action: an approval is for exactly this one."""
    return hashlib.sha256(canonical(action_to_json(action)).encode()).hexdigest()


def normalised(action: Action) -> str:
    """Return what stays the same where an action is published again with other spacing or case, as a hash."""
    text = " ".join(canonical(action_to_json(action)).casefold().split())
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def always_key(skill_id: str, hashed: str, folder: str) -> str:
    """Return the key of the standing approval of exactly this action of a skill in a project."""
    return f"{ALWAYS}{skill_id}:{hashed}:{_folder(folder)}"


def not_here_key(skill_id: str, folder: str) -> str:
    """Return the key of the refusal of a skill in a project."""
    return f"{NOT_HERE}{skill_id}:{_folder(folder)}"


def _folder(folder: str) -> str:
    # A name that is not UTF-8 has no place in a column of text.
    return folder.encode("utf-8", "surrogateescape").hex()
