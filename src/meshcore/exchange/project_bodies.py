"""What records say of a project's commands: what fails there, and what passed instead. Light, see `bodies`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshcore.model import Json
from meshcore.safety.fields import Fields, is_hex

if TYPE_CHECKING:
    from typing import Self

MOST_SESSIONS = 255
MOST_LINES = 24
LONGEST_COMMAND = 500  # characters of a command of a habit or a correction


@dataclass(frozen=True, slots=True)
class HabitBody:
    """A command is known to fail in a project, or with no `sessions` it passed again; no text that a command printed.

    `project` and `command` are what `checkout.identity_of` and `Typed.key` return; `cause` and `lines` stand for what
    was said (see `corrections.way_of` and `habits.way`), `ground` for the commit and the lock files. All are hex.
    """

    kind = "habit"

    project: str
    command: str
    sessions: int
    last: str
    cause: str = ""
    failure: str = "other"
    exit_code: int = 0
    ground: str = ""
    lines: tuple[str, ...] = ()
    text: str = ""

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a habit. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        lines = fields.data.get("lines", [])
        if not isinstance(lines, list) or len(lines) > MOST_LINES or not all(_is_mark(line, 10) for line in lines):
            fields.refuse("lines", "that are no list of marks")
        return cls(
            _mark(fields, "project", 32),
            _mark(fields, "command", 16),
            _sessions(fields),
            _when(fields),
            _mark(fields, "cause", 16, needed=False),
            _short(fields, "failure", 20),
            fields.integer("exit_code") or 0,
            _mark(fields, "ground", 16, needed=False),
            tuple(lines),
            _short(fields, "text", LONGEST_COMMAND),
        )

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {**{name: getattr(self, name) for name in self.__slots__}, "lines": list(self.lines)}


@dataclass(frozen=True, slots=True)
class CorrectionBody:
    """What passed in a project instead of what failed; with no `sessions` it is withdrawn.

    `way` stands for a program and what it said (`corrections.way_of`), `change` is `corrections.to_text`.
    """

    kind = "correction"

    project: str
    way: str
    change: str
    sessions: int
    last: str
    failed: str = ""
    passed: str = ""

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Read a correction; whether the change is one is not looked at. Raises BadRecordError."""
        fields = Fields(cls.kind, data)
        project, way, change = _mark(fields, "project", 32), _mark(fields, "way", 16), _short(fields, "change", 500)
        failed, passed = (_short(fields, name, LONGEST_COMMAND) for name in ("failed", "passed"))
        return cls(project, way, change, _sessions(fields), _when(fields), failed, passed)

    def to_json(self) -> dict[str, Json]:
        """Return the body as it is signed."""
        return {name: getattr(self, name) for name in self.__slots__}


def _is_mark(value: Json, size: int) -> bool:
    return isinstance(value, str) and is_hex(value, size, size)


def _mark(fields: Fields, name: str, size: int, *, needed: bool = True) -> str:
    value = fields.text(name, None if needed else "")
    if not _is_mark(value, size) and (value or needed):
        fields.refuse(name, "that is no mark")
    return value


def _short(fields: Fields, name: str, most: int) -> str:
    value = fields.text(name, "")
    if len(value) > most:
        fields.refuse(name, f"of more than {most} characters")
    return value


def _sessions(fields: Fields) -> int:
    value = fields.integer("sessions")
    if value is None or not 0 <= value <= MOST_SESSIONS:
        fields.refuse("sessions", "that are no number, or out of range")
    return value


def _when(fields: Fields) -> str:
    return fields.time("last") or fields.refuse("last", "missing")
