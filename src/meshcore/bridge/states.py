"""What nodes sign beside the log: that they live, and that they try a skill. Readers check it here."""

from __future__ import annotations

from dataclasses import dataclass

from meshcore.bridge.base import Claim, Member
from meshcore.errors import BadRecordError
from meshcore.model import Json, Record
from meshcore.safety.records import verify

BEAT = "beat"
CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class Beat:
    """A node lives: its names, its version, and the number of its newest statement, so that a withheld one shows."""

    name: str
    host: str
    version: str
    author_seq: int

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {"name": self.name, "host": self.host, "version": self.version, "author_seq": self.author_seq}


def beat_of(member: Member) -> Beat | None:
    """Return what a member last signed of itself; None where that is nothing, or does not hold."""
    signed = _signed(member.state, BEAT)
    if signed is None or signed.author != member.node:
        return None
    body = signed.body
    texts = [text for name in ("name", "host", "version") if isinstance(text := body.get(name), str)]
    number = body.get("author_seq")
    if len(texts) != 3 or not isinstance(number, int) or isinstance(number, bool):
        return None
    return Beat(texts[0], texts[1], texts[2], number)


def claim_body(skill_id: str, host: str) -> dict[str, Json]:
    """Return what a node signs that claims a place for its host."""
    return {"skill_id": skill_id, "host": host}


def holds(claim: Claim) -> bool:
    """Tell whether a claim was signed for its skill and host; programs of version 0.1 sign none."""
    if not claim.record.text:
        return True
    signed = _signed(claim.record, CLAIM)
    return signed is not None and signed.body == claim_body(claim.skill_id, claim.host)


def _signed(record: Record | None, kind: str) -> Record | None:
    if record is None:
        return None
    try:
        signed = verify(record)
    except BadRecordError:
        return None
    return signed if signed.kind == kind else None
