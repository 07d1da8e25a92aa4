"""What nodes sign beside the log, one frozen value for each kind: that they join, live, and try a skill. Light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshcore.model import Json
from meshcore.safety.fields import Fields, is_hex

if TYPE_CHECKING:
    from typing import Self

MOST_ENDED = 32  # chains of a node's own that a sign of life still names


@dataclass(frozen=True, slots=True)
class HelloBody:
    """A node joins: how it is called among people, where it runs, and as which user (a number)."""

    kind = "hello"

    name: str = ""
    host: str = ""
    user: str = ""

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a hello. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        return cls(fields.text("name", ""), fields.text("host", ""), fields.text("user", ""))

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {"name": self.name, "host": self.host, "user": self.user}


@dataclass(frozen=True, slots=True)
class EndedBody:
    """A chain of control records that its author continues no more: under which key, which, and its last link."""

    node: str
    epoch: str
    last: int

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read one. Raises BadRecordError."""
        fields = Fields("beat", data)
        node, epoch, last = fields.text("node"), fields.text("epoch"), fields.integer("last")
        if not is_hex(node, 64, 64) or not is_hex(epoch, 16, 64):
            fields.refuse("ended", "that is no chain")
        if last is None or last < 0:
            fields.refuse("last", "that is no number, or out of range")
        return cls(node, epoch, last)

    def to_json(self) -> dict[str, Json]:
        """Return it as it is signed."""
        return {"node": self.node, "epoch": self.epoch, "last": self.last}


@dataclass(frozen=True, slots=True)
class BeatBody:
    """A node lives: its names, its version, the number of its newest statement, and its chains that have ended.

    How many links the chain has that goes on is said beside the body, as in every record.
    """

    kind = "beat"

    name: str
    host: str
    version: str
    author_seq: int
    ended: tuple[EndedBody, ...] = ()

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a sign of life. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        name, host, version = (fields.text(name) for name in ("name", "host", "version"))
        number, ended = fields.data.get("author_seq"), fields.data.get("ended", [])
        if type(number) is not int or not 0 <= number < 2**63:
            fields.refuse("author_seq", "that is no number, or out of range")
        if not isinstance(ended, list) or len(ended) > MOST_ENDED:
            fields.refuse("ended", "that is no list, or too long")
        return cls(name, host, version, number, tuple(EndedBody.from_json(one) for one in ended))

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        ended = {"ended": [one.to_json() for one in self.ended]} if self.ended else {}
        return {"name": self.name, "host": self.host, "version": self.version, "author_seq": self.author_seq, **ended}


@dataclass(frozen=True, slots=True)
class ClaimBody:
    """A node claims, for its host, a place for trying a skill that is new to the mesh."""

    kind = "claim"

    skill_id: str
    host: str

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a claim. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        return cls(fields.text("skill_id"), fields.text("host"))

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {"skill_id": self.skill_id, "host": self.host}


@dataclass(frozen=True, slots=True)
class SettlementBody:
    """A node has tried a skill on its host: whether that helped. Where it did not, the place stays taken."""

    kind = "settlement"

    skill_id: str
    host: str
    verified: bool

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a settlement. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        return cls(fields.text("skill_id"), fields.text("host"), fields.flag("verified"))

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {"skill_id": self.skill_id, "host": self.host, "verified": self.verified}
