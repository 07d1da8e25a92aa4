"""What nodes sign beside the log, checked here as readers find it: that they live, and that they try a skill."""

from __future__ import annotations

from meshcore.bridge.base import Claim, Member
from meshcore.bridge.state_bodies import BeatBody, ClaimBody, SettlementBody
from meshcore.errors import BadRecordError
from meshcore.model import Record
from meshcore.safety.records import verify


def signed_beat(member: Member) -> tuple[Record, BeatBody] | None:
    """Return what a member last signed of itself; None where that is nothing, or does not hold."""
    try:
        signed = None if member.state is None else verify(member.state)
        if signed is None or signed.kind != BeatBody.kind or signed.author != member.node:
            return None
        return signed, BeatBody.from_json(signed.body)
    except BadRecordError:
        return None


def beat_of(member: Member) -> BeatBody | None:
    """Return what a member last said of itself (see `signed_beat`)."""
    found = signed_beat(member)
    return None if found is None else found[1]


def signed_claim(claim: Claim) -> Record | None:
    """Return the record that a claim carries, checked; None where it does not hold for this skill, host and state."""
    wanted = (
        SettlementBody(claim.skill_id, claim.host, False) if claim.failed else ClaimBody(claim.skill_id, claim.host)
    )
    try:
        signed = verify(claim.record)
    except BadRecordError:
        return None
    return signed if signed.kind == wanted.kind and signed.body == wanted.to_json() else None
