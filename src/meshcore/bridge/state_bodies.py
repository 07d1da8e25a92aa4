"""What nodes sign beside the log, one frozen value for each kind: that they join, live, and try a skill. Light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshcore.model import Json
from meshcore.safety.fields import Fields, is_hex

if TYPE_CHECKING:
    from typing import Self

MOST_ENDED = 32  # chains of a node's own that a sign of life still names
MOST_NAMED = 16  # agents, and things that are wrong, that a report names


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
class Report:
    """How a node fares, by its own word: for people to read, and nothing that runs rests on it but `machine`.

    `machine` marks the host's machine and `place` the boot and folder that its home is used in ("" where neither can be
    told). `latency_ms` is how long its engine took to answer, and `ahead_ms` by how much its clock is ahead of the
    engine's. `waiting` is what it has yet to publish, `asks` the approvals that wait for a person there. `drill` is the
    mark of the last halt drill that reached it. Older versions send none of it, newer ones may say more.
    """

    machine: str = ""
    place: str = ""
    mode: str = ""
    halted: str = ""
    drill: str = ""
    engine: str = ""
    latency_ms: float | None = None
    ahead_ms: float | None = None
    waiting: int = 0
    asks: int = 0
    agents: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a report. Raises BadRecordError."""
        fields = Fields("beat", data)
        machine, place = fields.text("machine", ""), fields.text("place", "")
        if not all(not mark or is_hex(mark, 16, 64) for mark in (machine, place)):
            fields.refuse("machine", "or place that is no mark")
        return cls(
            machine,
            place,
            fields.text("mode", ""),
            fields.text("halted", ""),
            fields.text("drill", ""),
            fields.text("engine", ""),
            fields.number("latency_ms"),
            fields.number("ahead_ms"),
            fields.integer("waiting") or 0,
            fields.integer("asks") or 0,
            fields.texts("agents", MOST_NAMED),
            fields.texts("wrong", MOST_NAMED),
        )

    def to_json(self) -> dict[str, Json]:
        """Return it as it is signed, without what is not known."""
        values = {name: getattr(self, name) for name in self.__slots__}
        said = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return {name: value for name, value in said.items() if value or (value == 0.0 and name.endswith("_ms"))}


NO_REPORT = Report()


@dataclass(frozen=True, slots=True)
class BeatBody:
    """A node lives: its names, version, and number of its newest statement; its chains that ended; how it fares.

    How many links the chain has that goes on is said beside the body, as in every record.
    """

    kind = "beat"

    name: str
    host: str
    version: str
    author_seq: int
    ended: tuple[EndedBody, ...] = ()
    report: Report = NO_REPORT

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
        report = Report.from_json(fields.data.get("report", {}))
        return cls(name, host, version, number, tuple(EndedBody.from_json(one) for one in ended), report)

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        ended = {"ended": [one.to_json() for one in self.ended]} if self.ended else {}
        said = {"report": report} if (report := self.report.to_json()) else {}
        names = {"name": self.name, "host": self.host, "version": self.version}
        return {**names, "author_seq": self.author_seq, **ended, **said}


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
