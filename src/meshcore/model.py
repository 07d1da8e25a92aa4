"""The words of the mesh as values: frozen dataclasses of the standard library, no behaviour beyond their own form.

A *signature* says how an error was read, a *skill* says which action answers it, an *incident* is one failure of one
command, an *outcome* is what a try did. The identity of a skill is the hash of its content, so the same skill learnt
twice is one skill.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any  # a value that `json` reads and writes

TEXT_LIMIT = 2000  # characters of one text that nodes tell each other

SlotKind = Literal["path", "number", "port", "host", "version", "hex", "name", "identifier"]
"""What a varying part of an error is: `name` is a quoted name, `identifier` a bare word that names something."""

Tier = Literal["exact", "likely"]
"""`exact` may be applied unattended (if policy agrees); `likely` is for a person."""

Decision = Literal["refuse", "hint", "approve", "run"]
DECISIONS: tuple[Decision, ...] = ("refuse", "hint", "approve", "run")
"""What may become of a try, the lowest first."""

Mode = Literal["off", "hint", "approve", "auto"]
MODES: tuple[Mode, ...] = ("off", "hint", "approve", "auto")

IncidentState = Literal[
    "open",
    "matched",
    "needs_approval",
    "fixing",
    "verified",
    "fix_failed",
    "applied_not_rerun",
    "progress",
    "not_applied",
    "unknown",
    "refused",
]

SkillState = Literal["unconfirmed", "active", "quarantined", "forgotten"]
SkillSource = Literal["taught", "recognised", "peer", "legacy", "imported", "derived", "reported", "pack"]

ReceiptStatus = Literal["stored", "ignored", "rejected"]
"""What a node made of a record."""

TryResult = Literal["verified", "fix_failed", "applied_not_rerun", "progress", "not_applied", "unknown", "refused"]
"""`progress`: the command got past this error and met another one. `not_applied`: something kept the fix from being
applied that says nothing of the fix, such as a network that is down. Neither counts for or against a skill."""
TRY_RESULTS: frozenset[TryResult] = frozenset(
    ("verified", "fix_failed", "applied_not_rerun", "progress", "not_applied", "unknown", "refused")
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one judge says of a try: the most that it allows, and why, in words."""

    decision: Decision
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """One varying part of an error: its kind and its text as it stood there."""

    kind: SlotKind
    value: str


@dataclass(frozen=True, slots=True)
class Signature:
    """How an error was read: its type, its telling line with the varying parts replaced, and those parts in order.

    `template` holds a placeholder such as `<path>` or `<name>` for each slot, in the order of `slots`. `line` is the
    telling line itself, for people. `version` is that of the reading rules.
    """

    version: int
    error_type: str
    template: str
    slots: tuple[Slot, ...] = ()
    line: str = ""


@dataclass(frozen=True, slots=True)
class KeySlot:
    """A slot that must be equal for a skill to answer: its index in the signature, kind and value."""

    index: int
    kind: SlotKind
    value: str


@dataclass(frozen=True, slots=True)
class Action:
    """What to do about an error.

    kind `argv`: `steps` are commands run one after the other, each an argv, never a shell string. A token may refer to
    slot n of the incident's signature as `{n}`; literal braces are doubled. kind `advice`: `text` is prose for a
    person and is never executed.
    """

    kind: Literal["argv", "advice"]
    steps: tuple[tuple[str, ...], ...] = ()
    text: str = ""

    def parameters(self) -> frozenset[int]:
        """Return the indices of the slots that the steps refer to."""
        return frozenset(int(m[1]) for step in self.steps for token in step for m in _REFERENCE.finditer(token) if m[1])

    def fill(self, slots: Sequence[Slot]) -> Action:
        """Return the action with each `{n}` replaced by the value of slot n. Raises IndexError for a missing slot."""

        def filled(token: str) -> str:
            return _REFERENCE.sub(lambda m: slots[int(m[1])].value if m[1] else m[0][0], token)

        return Action(self.kind, tuple(tuple(filled(t) for t in step) for step in self.steps), self.text)

    def command(self) -> str:
        """Return the action as one line for people (argv joined with quotes, steps with `&&`; advice as it is)."""
        if self.kind == "advice":
            return self.text
        import shlex

        return " && ".join(shlex.join(step) for step in self.steps)


_REFERENCE = re.compile(r"\{\{|\}\}|\{(\d{1,3})\}")


def escape_token(token: str) -> str:
    """Return a literal token in the form that `Action.steps` uses: braces doubled."""
    return token.replace("{", "{{").replace("}", "}}")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where something holds: every field may be empty, which means not known."""

    os_family: str = ""  # "debian", "redhat", "arch", "alpine", "darwin" …
    program: str = ""  # the failed command's program, without its folder
    ecosystem: str = ""  # "python", "node", "git", "system" …
    scope: str = ""  # "venv", "system"
    project: str = ""  # "yes" inside a project folder, "no" outside


@dataclass(frozen=True, slots=True)
class Skill:
    """Signature → action. Its id is the hash of its content; who taught it stands in a `Record` around it.

    `example_line`, `example_slots` and `example_command` are one instance, for people and old readers; `context` is
    free text. None of the four is part of the identity.
    """

    signature_version: int
    error_type: str
    template: str
    key_slots: tuple[KeySlot, ...]
    action: Action
    example_line: str = ""
    example_slots: tuple[Slot, ...] = ()
    example_command: str = ""
    context: str = ""
    derived_from: str = ""
    circumstances: Circumstances = Circumstances()

    @property
    def skill_id(self) -> str:
        """Return SHA-256 (64 hex digits) of the canonical form of what identifies the skill."""
        return hashlib.sha256(canonical(skill_identity(self)).encode()).hexdigest()


def skill_identity(skill: Skill) -> Json:
    """Return what identifies a skill, ready for `canonical`."""
    return {
        "signature_version": skill.signature_version,
        "error_type": skill.error_type,
        "template": skill.template,
        "key_slots": [[k.index, k.kind, k.value] for k in skill.key_slots],
        "action": action_to_json(skill.action),
    }


@dataclass(frozen=True, slots=True)
class Evidence:
    """What tries have shown of a skill, counted from outcomes; state beside the skill, never part of it.

    `verified_elsewhere` and `failed_elsewhere` count enrolled operators of whom a node said so, once each: they move a
    skill's standing, and confirm nothing. `relaxed` are indices of key slots that verified outcomes have shown not to
    matter; `values` holds, per slot index, the different values with a verified outcome; `failed_in` and `verified_in`
    count per circumstances.
    """

    verified: int = 0
    failed: int = 0
    hosts: frozenset[str] = frozenset()
    relaxed: frozenset[int] = frozenset()
    values: Mapping[int, frozenset[str]] = field(default_factory=dict)
    verified_in: Mapping[Circumstances, int] = field(default_factory=dict)
    failed_in: Mapping[Circumstances, int] = field(default_factory=dict)
    verified_elsewhere: int = 0
    failed_elsewhere: int = 0

    @property
    def successes(self) -> int:
        """Return how many hosts and other operators have verified it."""
        return self.verified + self.verified_elsewhere

    @property
    def tries(self) -> int:
        """Return how many successes and failures there are, of hosts and of other operators."""
        return self.successes + self.failed + self.failed_elsewhere


@dataclass(frozen=True, slots=True)
class KnownSkill:
    """A skill as this node knows it: who said so and how it has fared."""

    skill: Skill
    label: int = 0  # the old numeric id
    state: SkillState = "active"
    source: SkillSource = "taught"
    author: str = ""  # node id, "" for rows of old programs
    own_operator: bool = False  # the author is enrolled by this operator
    confirmed: bool = False  # a person or a second occurrence stands behind it
    evidence: Evidence = Evidence()
    created: str = ""
    last_good: str = ""  # when own nodes last verified it, a person confirmed it, or it was learnt: the latest of these
    stored_id: str = field(default="", compare=False)  # the skill's id where it was stored: hashing it takes longer
    action_key: str = field(default="", compare=False)  # the same for every spelling of its action, "" where not known

    @property
    def skill_id(self) -> str:
        return self.stored_id or self.skill.skill_id


@dataclass(frozen=True, slots=True)
class Match:
    """A known skill that answers a signature, with its action filled in, and the reason in one sentence."""

    skill_id: str
    tier: Tier
    score: float  # 0..1
    action: Action
    why: str


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """A named member of a node: who met the error; `sub` says which sub-agent of it, "" for itself."""

    name: str
    via: str = "shell"
    host: str = ""
    sub: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """One failure of one command, redacted and sanitised."""

    incident_id: str
    opened: str  # UTC
    agent: AgentInfo
    argv: tuple[str, ...]
    cwd: str
    exit_code: int | None
    signature: Signature
    excerpt: str  # the end of the output, redacted
    circumstances: Circumstances = Circumstances()
    state: IncidentState = "open"
    skill_id: str = ""
    argv_redacted: bool = False  # then it is never executed from the record
    environment: Mapping[str, str] = field(default_factory=dict)  # allowlisted variables only
    again: bool = False  # a known skill answered it
    stdin: str = ""  # what the command read: tty, null, captured, file, unrepeatable; "" for not known
    follows: str = ""  # the incident of the same run that was fixed before this error showed; "" for the first


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one command of a fix, or the rerun, did."""

    argv: tuple[str, ...]
    exit_code: int
    seconds: float
    output: str = ""  # the end of it, redacted


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a try of a skill on an incident did. `seconds` is opening → verified, monotonic, None if not verified."""

    outcome_id: str
    incident_id: str
    skill_id: str
    result: TryResult
    at: str
    node: str
    host: str
    agent: str
    circumstances: Circumstances
    steps: tuple[StepResult, ...] = ()
    rerun: StepResult | None = None
    seconds: float | None = None
    own_seconds: float | None = None  # of `seconds`, what the mesh itself took
    slots: tuple[Slot, ...] = ()  # of the incident, so that evidence can relax or tighten
    actor: str = ""  # "policy" or the person who approved
    why: str = ""  # why it was not made, or not to its end; told to nobody else


@dataclass(frozen=True, slots=True)
class SignedText:
    """What the operator signed, word for word, and the signature (hex); nothing says yet that it holds."""

    text: str
    sig: str


@dataclass(frozen=True, slots=True)
class ChainMark:
    """How far its author's chain of control records had come when a record was signed.

    `is_link`: the record is link `number` itself; else `number` is the last link before it, 0 for none. `epoch` (hex)
    names the chain: a node begins another one on another bridge, under another key, and after it was restored.
    """

    epoch: str
    number: int
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A signed statement of one node to all: `text` is the exact text that was signed.

    `record_id` is the SHA-256 of `text`; `key` and `sig` are hex (Ed25519). `kind`, `author`, `author_seq`, `body` and
    `chain` are what `text` says and are only to be used after the signature was checked.
    """

    text: str
    key: str
    sig: str
    kind: str = ""
    author: str = ""
    author_seq: int = 0
    created: str = ""
    body: Mapping[str, Json] = field(default_factory=dict)
    chain: ChainMark | None = None

    @property
    def record_id(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Receipt:
    """One node has one message: what it made of it and when."""

    seq: int
    node: str
    status: ReceiptStatus
    at: str
    reason: str = ""


def canonical(value: Json) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN. Raises ValueError for NaN or Infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def action_to_json(action: Action) -> dict[str, Json]:
    """Return the JSON form of an action."""
    if action.kind == "advice":
        return {"kind": "advice", "text": action.text}
    return {"kind": "argv", "steps": [list(step) for step in action.steps]}
