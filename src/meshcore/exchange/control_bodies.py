"""What an operator tells their hosts: brakes, whom to believe no more, what to erase; one frozen value for each kind.

See `bodies`, which hooks load too: these are not among what they say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshcore.exchange.bodies import signed_to_json
from meshcore.model import MODES, Json, SignedText
from meshcore.safety.fields import INTEGERS, Fields, is_hex, is_id

if TYPE_CHECKING:
    from typing import Self

MOST_NODES = 1000  # that one record names


@dataclass(frozen=True, slots=True)
class HaltBody:
    """A node of this operator says stop, and why; an empty reason takes its own stop back.

    `mark` names the halt where the operator's key is protected, and `signed` is the operator's word that lifts it.
    `only`: the nodes that it is for, empty for all.
    """

    kind = "halt"

    why: str
    name: str = ""
    mark: str = ""
    signed: SignedText | None = None
    only: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a halt. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        texts = (fields.text("why"), fields.text("name", ""), fields.text("mark", ""))
        return cls(*texts, fields.signed(), fields.texts("only", MOST_NODES))

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        mark = {"mark": self.mark} if self.mark else {}
        return {"why": self.why, "name": self.name, **mark, **signed_to_json(self.signed), **_only(self.only)}


@dataclass(frozen=True, slots=True)
class LiftBody:
    """A person stands behind a skill in spite of these failures (ids of outcomes)."""

    kind = "lift"

    skill_id: str
    failures: tuple[str, ...]
    name: str = ""
    signed: SignedText | None = None

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a lift. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        skill_id, failures = fields.text("skill_id"), fields.data.get("failures")
        if not is_id(skill_id):
            fields.refuse("skill_id", "that is no id")
        if not isinstance(failures, list) or not all(isinstance(text, str) and is_id(text) for text in failures):
            fields.refuse("failures", "that are no list of ids")
        return cls(skill_id, tuple(failures), fields.text("name", ""), fields.signed())

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        failures = list(self.failures)
        return {"skill_id": self.skill_id, "failures": failures, "name": self.name, **signed_to_json(self.signed)}


@dataclass(frozen=True, slots=True)
class RevocationBody:
    """A node, or all nodes of an operator, are no longer to be believed: their public key, and why."""

    kind = "revocation"

    key: str
    why: str = ""

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a revocation. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        key = fields.text("key")
        if not is_hex(key, 64, 64):
            fields.refuse("key", "that is no public key")
        return cls(key, fields.text("why", ""))

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {"key": self.key, "why": self.why}


@dataclass(frozen=True, slots=True)
class RotationBody:
    """A new key takes the place of the author's: enrolled by the operator, and proven to be held (`proof`)."""

    kind = "rotation"

    node: str
    enrolment: str
    proof: str
    name: str = ""
    host: str = ""

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a rotation; whether its signatures hold is not looked at. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        node, enrolment, proof = (fields.text(name) for name in ("node", "enrolment", "proof"))
        return cls(node, enrolment, proof, fields.text("name", ""), fields.text("host", ""))

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class PurgeBody:
    """What a record said is to be erased everywhere; `author` made it, and it was link `number` of chain `epoch`.

    Only its author's operator may say so, or for the homes of one operator that operator.
    """

    kind = "purge"

    record_id: str
    author: str
    told: str
    why: str = ""
    epoch: str = ""
    number: int = 0

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a purge. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        record_id, author = fields.text("record_id"), fields.text("author")
        if not is_hex(record_id, 64, 64):
            fields.refuse("record_id", "that is no id of a record")
        if not is_hex(author, 64, 64):
            fields.refuse("author", "that is no public key")
        epoch, number = fields.text("epoch", ""), fields.integer("number") or 0
        if (epoch and not is_hex(epoch, 16, 64)) or not 0 <= number < INTEGERS:
            fields.refuse("number", "that is no link")
        return cls(record_id, author, fields.text("told"), fields.text("why", ""), epoch, number)

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class CeilingBody:
    """A node of this operator sets how far others may go at most: a mode, "" to take its own word back.

    `only`: the nodes that it is for, empty for all. `mark` names it, and `signed` is the operator's word that raises
    what was under the mark before, where their key is protected.
    """

    kind = "ceiling"

    mode: str
    name: str = ""
    mark: str = ""
    only: tuple[str, ...] = ()
    signed: SignedText | None = None

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a ceiling. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        mode = fields.text("mode")
        if mode not in ("", *MODES):
            fields.refuse("mode", "that is none")
        texts = (mode, fields.text("name", ""), fields.text("mark", ""))
        return cls(*texts, fields.texts("only", MOST_NODES), fields.signed())

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        head: dict[str, Json] = {"mode": self.mode, "name": self.name, "mark": self.mark}
        return {**head, **_only(self.only), **signed_to_json(self.signed)}


@dataclass(frozen=True, slots=True)
class DrillBody:
    """A halt drill: whoever hears it says so with the next sign of life, and stops nothing."""

    kind = "drill"

    mark: str
    name: str = ""

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a drill. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        mark = fields.text("mark")
        if not is_hex(mark, 16, 64):
            fields.refuse("mark", "that is none")
        return cls(mark, fields.text("name", ""))

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {"mark": self.mark, "name": self.name}


def _only(nodes: tuple[str, ...]) -> dict[str, Json]:
    return {"only": list(nodes)} if nodes else {}
