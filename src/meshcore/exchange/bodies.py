"""What a record says, one frozen value for each kind; the JSON that travels is read and written here and nowhere else.

`from_json` reads strictly: a field that is missing or of another type is a BadRecordError that names it; fields that it
does not know are passed over, so that newer nodes may say more. `to_json` is what this version signs. A field with an
empty default may be absent. Light: hooks announce incidents too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from meshcore.errors import BadRecordError
from meshcore.model import TEXT_LIMIT, Incident, Json, Outcome, SignedText, Skill
from meshcore.safety.fields import INTEGERS, Fields, is_id
from meshcore.safety.model_json import skill_from_json, skill_to_json
from meshcore.store.rows import outcome_from_json, outcome_to_json

if TYPE_CHECKING:
    from typing import Self

LONGEST_TRY_SECONDS = 10.0 * 365 * 86400


class Body(Protocol):
    """What a record of one kind says."""

    @property
    def kind(self) -> str:
        """Return the name of the kind, the same for all of them."""
        ...

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a body. Raises BadRecordError, which names the field."""
        ...

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        ...


@dataclass(frozen=True, slots=True)
class SkillBody:
    """A node knows a skill: whether a person or a second occurrence stands behind it, and where it is from.

    `source` is a SkillSource, or what a newer version calls one. `expires` is when the author no longer stands behind
    it (UTC). `signed` is the operator's signed confirmation, where their key is protected.
    """

    kind = "skill"

    skill: Skill
    confirmed: bool = False
    source: str = ""
    name: str = ""
    host: str = ""
    label: int = 0
    expires: str = ""
    signed: SignedText | None = None

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a skill. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        try:
            skill = skill_from_json(fields.data.get("skill"))
        except ValueError as error:
            fields.refuse("skill", f"that cannot be used ({error})")
        if not 0 <= skill.signature_version < INTEGERS:
            fields.refuse("signature_version", "out of range")
        return cls(
            skill,
            confirmed=fields.flag("confirmed"),
            source=fields.text("source", ""),
            name=fields.text("name", ""),
            host=fields.text("host", ""),
            label=fields.integer("label") or 0,
            expires=fields.time("expires"),
            signed=fields.signed(),
        )

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {
            "skill": skill_to_json(self.skill),
            "confirmed": self.confirmed,
            "source": self.source,
            "name": self.name,
            "host": self.host,
            "label": self.label,
            **({"expires": self.expires} if self.expires else {}),
            **signed_to_json(self.signed),
        }


@dataclass(frozen=True, slots=True)
class OutcomeBody:
    """A node tried a skill: what came of it."""

    kind = "outcome"

    outcome: Outcome

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read an outcome. Raises BadRecordError, also for a time that no try takes and an id that is none."""
        fields = Fields(cls.kind, data)
        try:
            outcome = outcome_from_json(fields.data)
        except ValueError as error:
            raise BadRecordError(f"an outcome record that cannot be used: {error}") from error
        results = [*outcome.steps, *([outcome.rerun] if outcome.rerun else [])]
        times = {"seconds": outcome.seconds, "own_seconds": outcome.own_seconds}
        for name, seconds in (*times.items(), *(("steps", result.seconds) for result in results)):
            if seconds is not None and not abs(seconds) < LONGEST_TRY_SECONDS:
                fields.refuse(name, "with a time that is none")
        for name in ("outcome_id", "skill_id", "incident_id"):
            text = getattr(outcome, name)
            if not is_id(text) and (text or name != "incident_id"):
                fields.refuse(name, "that is no id")
        return cls(outcome)

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return outcome_to_json(self.outcome)


@dataclass(frozen=True, slots=True)
class IncidentBody:
    """A command failed: which program, how it read and for whom; neither its output nor its arguments."""

    kind = "incident"

    incident_id: str
    opened: str
    agent: str
    via: str
    host: str
    program: str
    error_type: str
    template: str
    line: str
    exit_code: int | None = None

    @classmethod
    def of(cls, incident: Incident) -> Self:
        """Return what others are told of an incident."""
        return cls(
            incident_id=incident.incident_id,
            opened=incident.opened,
            agent=incident.agent.name,
            via=incident.agent.via,
            host=incident.agent.host,
            program=incident.argv[0][:TEXT_LIMIT] if incident.argv else "",
            error_type=incident.signature.error_type,
            template=incident.signature.template[:TEXT_LIMIT],
            line=incident.signature.line[:TEXT_LIMIT],
            exit_code=incident.exit_code,
        )

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read an incident. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        texts = {name: fields.text(name) for name in cls.__slots__ if name != "exit_code"}
        return cls(**texts, exit_code=fields.integer("exit_code"))

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {name: getattr(self, name) for name in self.__slots__}


def signed_to_json(signed: SignedText | None) -> dict[str, Json]:
    """Return an operator's signed word as it stands in a body, nothing where there is none."""
    return {} if signed is None else {"word": {"text": signed.text, "sig": signed.sig}}
