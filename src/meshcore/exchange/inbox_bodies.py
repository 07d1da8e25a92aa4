"""What nodes of one operator ask a person, and what that person answers from another host; see `bodies`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshcore.model import Json, SignedText
from meshcore.safety.fields import Fields, is_hex

if TYPE_CHECKING:
    from typing import Self

MOST_REASONS = 16


@dataclass(frozen=True, slots=True)
class AskingBody:
    """An approval as it stands on the node that asks: all that would run, where, as whom, for what and why it is asked.

    `digest` is the SHA-256 of what a yes is for (see `trust.signed_decisions.approval_digest`). Once it is settled the
    rest is empty, and `result` says how it was carried out.
    """

    kind = "asking"

    approval_id: str
    state: str
    result: str = ""
    incident_id: str = ""
    skill_id: str = ""
    action_hash: str = ""
    command: str = ""
    runs: str = ""
    rerun: str = ""
    folder: str = ""
    failed: str = ""
    user: str = ""
    agent: str = ""
    asked: str = ""
    digest: str = ""
    reasons: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read one. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        approval_id, state = fields.text("approval_id"), fields.text("state")
        texts = {name: fields.text(name, "") for name in _TEXTS}
        ids = (approval_id, *(texts[name] for name in ("incident_id", "skill_id", "action_hash", "digest")))
        if not approval_id or not all(is_hex(one, 8, 64) for one in ids if one):
            fields.refuse("approval_id", "or another id that is none")
        return cls(approval_id, state, **texts, reasons=fields.texts("reasons", MOST_REASONS))

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        said = {name: value for name in _TEXTS if (value := getattr(self, name))}
        reasons = {"reasons": list(self.reasons)} if self.reasons else {}
        return {"approval_id": self.approval_id, "state": self.state, **said, **reasons}


_TEXTS = tuple(name for name in AskingBody.__slots__ if name not in ("approval_id", "state", "reasons"))


@dataclass(frozen=True, slots=True)
class AnswerBody:
    """A person says yes or no, at another host, to what a node asks. `signed` is the operator's word, for a yes."""

    kind = "answer"

    node: str
    approval_id: str
    yes: bool
    digest: str = ""
    name: str = ""
    signed: SignedText | None = None

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read an answer. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        node, approval_id = fields.text("node"), fields.text("approval_id")
        if not is_hex(node, 64, 64) or not is_hex(approval_id, 8, 64):
            fields.refuse("approval_id", "or node that is none")
        return cls(
            node, approval_id, fields.flag("yes"), fields.text("digest", ""), fields.text("name", ""), fields.signed()
        )

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        word = {} if self.signed is None else {"word": {"text": self.signed.text, "sig": self.signed.sig}}
        names = {"node": self.node, "approval_id": self.approval_id, "yes": self.yes}
        return {**names, "digest": self.digest, "name": self.name, **word}
