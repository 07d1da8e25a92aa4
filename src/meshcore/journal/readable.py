"""Lines of logs as rows for people: when, what kind of thing, about what, and a sentence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from meshcore.clock import from_text, to_text

if TYPE_CHECKING:
    from meshcore.model import Json

Tone = Literal["", "good", "bad", "warn", "learned", "accent", "dim"]

VALUE_LIMIT: Final = 200  # characters of one value
MOST_DEEP: Final = 8  # objects inside one another that are taken apart
_TIMES: Final = ("timestamp", "at", "time", "ts", "@timestamp", "datetime", "date")
_KINDS: Final = ("kind", "level", "severity", "status", "event", "type")
_TONES: Final[Mapping[str, Tone]] = {
    "approval.waiting": "warn",
    "critical": "bad",
    "error": "bad",
    "failed": "bad",
    "fault": "bad",
    "fatal": "bad",
    "fix_failed": "bad",
    "incident.matched": "accent",
    "incident.opened": "bad",
    "mesh.halted": "bad",
    "mesh.resumed": "good",
    "passed": "good",
    "record.rejected": "bad",
    "skill.confirmed": "learned",
    "skill.learned": "learned",
    "skill.received": "learned",
    "skills_file.broken": "bad",
    "try.decided": "accent",
    "verified": "good",
    "warn": "warn",
    "warning": "warn",
}


@dataclass(frozen=True, slots=True)
class Readable:
    """One line of a log: ISO time and kind ("" where it names none), a tone for the kind, a reference, the rest."""

    at: str
    kind: str
    tone: Tone
    reference: str
    text: str


def readable(text: str) -> Readable:
    """Return a line as a row: an event of a journal as a sentence, other JSON as `key=value`, anything else as text."""
    record = _object(text)
    if record is None:
        return Readable("", "", "", "", text)
    if isinstance(record.get("seq"), int) and isinstance(record.get("at"), str):
        kind = str(record.get("kind", ""))
        rest = {name: value for name, value in record.items() if name not in _HEAD}
        reference = str(record.get("incident_id") or record.get("skill_id") or "")[:8]
        said = sentence(kind, str(record.get("agent", "")), rest)
        return Readable(str(record["at"]), kind, _tone(kind, record), reference, said)
    time_name, at = next(((name, at) for name in _TIMES if (at := _time(record.get(name)))), ("", ""))
    kind_name = next((name for name in _KINDS if isinstance(record.get(name), str)), "")
    kind = str(record[kind_name]) if kind_name else ""
    rest = {name: value for name, value in record.items() if name not in (time_name, kind_name)}
    return Readable(at, kind, _tone(kind, record), "", pairs(rest))


_HEAD: Final = ("seq", "at", "kind", "incident_id", "skill_id", "agent")


def sentence(kind: str, agent: str, data: Mapping[str, Json]) -> str:
    """Return what an event says beyond its kind, as one line; an event that lacks what is said of its kind as pairs."""
    needed, say = _SENTENCES.get(kind, ("", None))
    if say is None or data.get(needed) is None:
        return pairs({name: one for name, one in data.items() if one is not None}) or agent
    return say(agent, data)


def _reasons(data: Mapping[str, Json]) -> str:
    reasons = data.get("reasons")
    return f" ({'; '.join(map(str, reasons))})" if isinstance(reasons, list) and reasons else ""


def _seconds(data: Mapping[str, Json]) -> str:
    seconds = data.get("seconds")
    return f" after {seconds:.2f} s" if isinstance(seconds, float) else ""


_SENTENCES: Final[Mapping[str, tuple[str, Callable[[str, Mapping[str, Json]], str]]]] = {
    "incident.matched": ("why", lambda _, data: f"{data.get('tier')} match: {data['why']}"),
    "incident.opened": ("line", lambda agent, data: f"{agent}: {data['line']}"),
    "incident.state": ("state", lambda _, data: f"{data['state']}{_seconds(data)}"),
    "monitor.snapshot": ("skills_snapshot", lambda _, d: f"{d['skills_snapshot']} checks {d.get('tests_summary')}"),
    "outcome.received": ("result", lambda _, data: f"{data['result']} on {data.get('host')}{_seconds(data)}"),
    "runs.validated": ("root", lambda _, d: f"{d.get('passed')}/{d.get('total')} runs passed under {d['root']}"),
    "runtime.started": ("pid", lambda _, data: f"process {data['pid']}"),
    "runtime.stopped": ("pid", lambda _, data: f"process {data['pid']}"),
    "skill.learned": ("line", lambda _, data: f"{data['line']} → {data.get('command', '')}"),
    "skill.received": ("line", lambda _, data: f"{data['line']} from {data.get('name') or 'an old program'}"),
    "try.decided": ("decision", lambda _, data: f"{data['decision']}: {data.get('command', '')}{_reasons(data)}"),
    "try.intent": ("actor", lambda _, data: f"by {data['actor']}"),
    "try.outcome": ("result", lambda _, data: f"{data['result']}{_seconds(data)}"),
}


def pairs(value: Mapping[str, Json]) -> str:
    """Return an object as `key=value`; a key inside another goes by its own name where no other has it."""
    found = _flat(value, ())
    names = Counter(path[-1] for path, _ in found)
    found.sort(key=lambda one: one[1].startswith("[{"))  # lists of records are long, and say least
    return " ".join(f"{path[-1] if names[path[-1]] == 1 else '.'.join(path)}={text}" for path, text in found)


def _flat(value: Mapping[str, Json], prefix: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    found: list[tuple[tuple[str, ...], str]] = []
    for name, one in value.items():
        path = (*prefix, name)
        if isinstance(one, dict) and one and len(path) < MOST_DEEP:
            found += _flat(one, path)
        else:
            text = one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)
            found.append((path, text if len(text) <= VALUE_LIMIT else f"{text[:VALUE_LIMIT]}…"))
    return found


def _object(text: str) -> dict[str, Json] | None:
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _tone(kind: str, record: Mapping[str, Json]) -> Tone:
    result = record.get("result")
    if isinstance(result, str) and result in _TONES:
        return _TONES[result]
    return _TONES.get(kind.lower(), "dim" if kind.startswith(("agent.", "node.", "runtime.")) else "")


def _time(value: Json) -> str:
    """Return a time as ISO text: of such a text, or of seconds since 1970; "" for what is neither."""
    if isinstance(value, int | float) and 1e9 <= value < 1e10:
        return to_text(datetime.fromtimestamp(value, UTC))
    if not isinstance(value, str):
        return ""
    try:
        from_text(value)
    except ValueError:
        return ""
    return value
