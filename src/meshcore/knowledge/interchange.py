"""The skills file of the old system, read and written in its own shape.

Old programs count entries and read two numbers of `stats`. What they counted themselves is kept as a baseline that
only they see: it is added to what this file shows and enters no figure of the mesh.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path

from meshcore.clock import from_text, utc_text
from meshcore.errors import BadSkillError, MeshError
from meshcore.events import EventKind
from meshcore.filelock import FileLock
from meshcore.home import read_plain_file, write_atomically
from meshcore.knowledge.fixes import parse_fix, spell
from meshcore.knowledge.learning import learn
from meshcore.knowledge.matching import index_entry
from meshcore.knowledge.parts import filled
from meshcore.knowledge.signature import VERSION, read
from meshcore.model import Json, KnownSkill, Record, Skill, SkillState
from meshcore.safety.model_json import skill_from_json
from meshcore.store.store import Store

BASELINE = "skills_file_baseline"
WRITTEN = "skills_file_sha256"
SHOWN = "skills_file_shown"  # what of the store the file shows: the last event and the number of skills
CHANGED_BY: tuple[EventKind, ...] = ("skill.confirmed", "skill.learned", "skill.received", "skill.state")
COUNTED_BY: tuple[EventKind, ...] = ("incident.opened", "outcome.received", "try.outcome")
SKILLS_A_SECOND = 100  # a file of so many skills may be written anew once a second for the sake of a mere count
SHOWN_STATES: tuple[SkillState, ...] = ("unconfirmed", "active")
_TEXTS = ("error_type", "pattern", "resolution")
STATS = ("total_errors_handled", "auto_resolved")
MAX_BYTES = 64 * 1024 * 1024
LOCK_SECONDS = 1.0
MAX_COUNT = 2**53  # from here on a reader of JSON may see another number


@dataclass(frozen=True, slots=True)
class Imported:
    """What a changed skills file brought: entries, different skills, new ones, which entries cannot be used and why."""

    entries: int = 0
    skills: int = 0
    added: int = 0
    refused: tuple[str, ...] = ()


class BrokenSkillsFileError(MeshError):
    """A skills file is not what it should be; the message names the place."""


@dataclass(slots=True)
class _Ledger:
    """What old programs counted themselves, what we last showed them, and their entries that we cannot use."""

    stats: Counter[str] = field(default_factory=Counter)
    skills: dict[str, dict[str, Json]] = field(default_factory=dict)  # error_type, created, usage_count, success_rate
    shown_stats: Counter[str] = field(default_factory=Counter)
    shown_uses: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)  # JSON texts

    @classmethod
    def load(cls, store: Store) -> _Ledger:
        data = json.loads(store.skills_file.get()["ledger"])
        ledger = cls(skills=data.get("skills", {}), refused=data.get("refused", []))
        for name in ("stats", "shown_stats", "shown_uses"):
            setattr(ledger, name, Counter(data.get(name, {})))
        return ledger

    def save(self, store: Store) -> None:
        store.skills_file.set(ledger=json.dumps({name: getattr(self, name) for name in self.__slots__}))

    def count(self, stats: Mapping[str, int], uses: Mapping[str, int]) -> None:
        """Add what a file shows beyond what we wrote into it: old programs have counted that."""
        for name in STATS:
            self.stats[name] += max(0, stats[name] - self.shown_stats[name])
        for skill_id, number in uses.items():
            if number > self.shown_uses[skill_id]:
                old = self.skills.setdefault(skill_id, {})
                old["usage_count"] = old.get("usage_count", 0) + number - self.shown_uses[skill_id]

    def refuse(self, entry: Json) -> bool:
        """Keep an entry as it is; False where it was kept before."""
        text = json.dumps(entry, sort_keys=True)
        if text in self.refused:
            return False
        self.refused.append(text)
        return True


def skill_to_old(known: KnownSkill, uses: int = 0, baseline: Mapping[str, Json] | None = None) -> dict[str, Json]:
    """Return a skill as an entry of the old file, complete, in the order of its fields."""
    old = dict(baseline or {})
    skill, evidence = known.skill, known.evidence
    tries = evidence.verified + evidence.failed
    rate = round(100.0 * evidence.verified / tries, 1) if tries else float(old.get("success_rate", 100.0))
    return {
        "id": known.label,
        "error_type": str(old.get("error_type") or skill.error_type),
        "pattern": skill.example_line.removeprefix(f"{skill.error_type}: ") or skill.template,
        "resolution": resolution(skill),
        "context": skill.context,
        "created": str(old.get("created") or _naive_local(known.created)),
        "usage_count": uses + int(old.get("usage_count", 0)),
        "success_rate": rate,
    }


def resolution(skill: Skill) -> str:
    """Return a skill's fix as it was for its own example, in the form that `parse_fix` reads."""
    return spell(filled(skill.action, skill.example_slots))


def skill_from_old(entry: Json) -> KnownSkill:
    """Read one entry of the old file: never confirmed, its author unknown. Raises BadSkillError with the reason."""
    if not isinstance(entry, dict):
        raise BadSkillError("an entry is not an object")
    texts = {name: entry.get(name) for name in _TEXTS}
    for name, value in texts.items():
        if not isinstance(value, str) or not value.strip():
            raise BadSkillError(f"{name} is missing or no text")
    context = entry.get("context")
    texts["context"] = context if isinstance(context, str) else ""
    for name, value in texts.items():
        if not _is_plain(str(value)):
            raise BadSkillError(f"{name} holds control characters")
    pattern = str(texts["pattern"])
    signature = read(pattern, error_type=str(texts["error_type"]))
    skill = learn(signature, parse_fix(str(texts["resolution"])), context=str(texts["context"]))
    label = entry.get("id")
    return KnownSkill(
        # Under one id on nodes of every version: what nodes of the first took in and signed is this skill.
        skill=replace(skill, example_line=pattern, signature_version=1),
        label=label if type(label) is int and 0 < label < 2**31 else 0,
        state="unconfirmed",
        source="legacy",
        last_good=utc_text(entry.get("created")),  # it is as old as it says, however lately it came
    )


def _is_plain(text: str) -> bool:
    return "".join(text.split()).isprintable()


def follows(record: Record, old: Mapping[str, Json]) -> bool:
    """Tell whether the old-format fields of a row say what its signed record says, so that old readers are not misled.

    The signature itself is checked elsewhere.
    """
    try:
        skill = skill_from_json(json.loads(record.text)["body"]["skill"])
    except (ValueError, KeyError, TypeError):
        return False
    derived = skill_to_old(KnownSkill(skill))
    return all(old.get(name) == derived[name] for name in ("error_type", "pattern", "resolution", "context"))


def read_skills_file(path: Path) -> tuple[list[Json], dict[str, int], str]:
    """Return entries, the two numbers of `stats`, and the file's hash. Raises BrokenSkillsFileError, OSError."""
    data = read_plain_file(path, MAX_BYTES)
    entries, stats = _parse(data, path)
    return entries, stats, _digest(data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _parse(data: bytes, path: Path) -> tuple[list[Json], dict[str, int]]:
    try:
        content = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BrokenSkillsFileError(f"{path}: not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise BrokenSkillsFileError(
            f"{path}: not JSON at line {error.lineno}, column {error.colno} ({error.msg})"
        ) from error
    except RecursionError as error:
        raise BrokenSkillsFileError(f"{path}: nested too deeply") from error
    except ValueError as error:
        raise BrokenSkillsFileError(f"{path}: not JSON ({str(error)[:80]})") from error
    entries = content.get("skills") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise BrokenSkillsFileError(f"{path}: no list named skills in it")
    stats = content.get("stats") if isinstance(content.get("stats"), dict) else {}
    return entries, {name: _count(stats.get(name)) for name in STATS}


def _count(value: Json) -> int:
    return value if type(value) is int and 0 <= value < MAX_COUNT else 0


def _rate(value: Json) -> float:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100
    return float(value) if fits and math.isfinite(value) else 100.0


def import_skills_file(store: Store, path: Path) -> Imported:
    """Take in what an old program left or added, once per content of the file.

    A file that cannot be read is kept as `<name>.corrupt-<time>` and an event says so; the next write makes a whole
    one. An entry that cannot be used stays in the file as it is. While another process is at the file, nothing is done.
    """
    try:
        with _locked(path) as free:
            return _import(store, path) if free else Imported()
    except OSError as error:
        reason = f"{path}: cannot be used ({error.strerror}); check who owns it and its folder"
        store.events.add("skills_file.broken", data={"reason": reason})
        return Imported()


def _locked(path: Path) -> AbstractContextManager[bool]:
    # Old programs know of no lock; this one keeps our own processes from taking each other for old programs.
    return FileLock(path.with_name(path.name + ".lock")).held(LOCK_SECONDS)


def _import(store: Store, path: Path) -> Imported:
    try:
        data = read_plain_file(path, MAX_BYTES)
        digest = _digest(data)
        if store.skills_file.get()["sha256"] == digest:
            return Imported()
        entries, stats = _parse(data, path)
    except FileNotFoundError:
        return Imported()
    except OSError as error:
        _keep_aside(store, path, f"{path}: cannot be read ({error.strerror})")
        return Imported()
    except BrokenSkillsFileError as error:
        _keep_aside(store, path, str(error))
        return Imported()
    with store.transaction():
        imported = _take_in(store, path, entries, stats)
        store.skills_file.set(sha256=digest)
    return imported


def _keep_aside(store: Store, path: Path, reason: str) -> None:
    stem = f"{path.name}.corrupt-{store.clock.now():%Y%m%dT%H%M%S%f}"
    kept, number = path.with_name(stem), 1
    while kept.exists():
        kept, number = path.with_name(f"{stem}-{number}"), number + 1
    path.rename(kept)
    store.events.add("skills_file.broken", data={"reason": reason, "kept": str(kept)})


def _take_in(store: Store, path: Path, entries: Sequence[Json], stats: Mapping[str, int]) -> Imported:
    ledger = _Ledger.load(store)
    # What we wrote ourselves comes back as it is: it must never become a second skill.
    known_words = {
        _words(skill_to_old(known, 0, ledger.skills.get(known.skill.skill_id))): known.skill.skill_id
        for known in store.skills.each()
    }
    uses: Counter[str] = Counter()
    refused: list[str] = []
    added = 0
    for number, entry in enumerate(entries):
        words = _words(entry)
        try:
            if words not in known_words:
                known_words[words], is_new = _learn_from(store, ledger, entry)
                added += is_new
        except BadSkillError as error:
            if ledger.refuse(entry):
                refused.append(f"skills[{number}]: {error}")
            continue
        uses[known_words[words]] += _count(entry.get("usage_count"))
    ledger.count(stats, uses)
    ledger.save(store)
    store.skills_file.set(shown="")
    if refused:
        reason = f"{path}: {len(refused)} entries cannot be used and stay as they are: {'; '.join(refused[:5])}"
        store.events.add("skills_file.broken", data={"reason": reason})
    return Imported(len(entries), len(uses), added, tuple(refused))


def _words(entry: Json) -> tuple[str, ...]:
    return tuple(str(entry.get(name)) for name in _TEXTS) if isinstance(entry, dict) else ()


def _learn_from(store: Store, ledger: _Ledger, entry: Json) -> tuple[str, bool]:
    known = skill_from_old(entry)
    known = replace(known, skill=as_stored(store, known.skill))
    skill_id = known.skill.skill_id
    if store.skills.find(skill_id) is not None:
        return skill_id, False
    put(store, known)
    store.events.add("skill.learned", skill_id=skill_id, data={"source": "legacy", "line": known.skill.example_line})
    created = entry.get("created")
    ledger.skills[skill_id] = {
        "error_type": entry["error_type"],
        "created": created if isinstance(created, str) else "",
        "success_rate": _rate(entry.get("success_rate")),
    }
    return skill_id, True


def put(store: Store, known: KnownSkill) -> KnownSkill:
    """Store a skill with the keys that matching finds it by.

    One of other reading rules is read anew when the home is opened next.
    """
    if known.skill.signature_version != VERSION and known.state != "forgotten":
        store.meta.set("signature_version", "")
    entry = index_entry(known)
    return store.skills.put(known, entry.bucket, entry.shape, entry.keys)


def as_stored(store: Store, skill: Skill) -> Skill:
    """Return a skill that was read just now as it is stored by older rules that read the same; else itself."""
    if store.skills.find(skill.skill_id) is None:
        for version in range(1, skill.signature_version):
            older = replace(skill, signature_version=version)
            if store.skills.find(older.skill_id) is not None:
                return older
    return skill


def rename_in_file(store: Store, names: Mapping[str, str]) -> None:
    """Let what old programs counted of skills be counted of what they are called now (`names`: by the former id)."""
    ledger = _Ledger.load(store)
    for before, now in names.items():
        if before in ledger.skills:
            ledger.skills[now] = ledger.skills.pop(before)
        if before in ledger.shown_uses:
            ledger.shown_uses[now] = ledger.shown_uses.pop(before)
    ledger.save(store)


def write_skills_file(store: Store, path: Path) -> bool:
    """Bring the old file up to date, replaced in one step; False where it was. Raises OSError, the old file intact.

    What an old program wrote since is taken in first. While another process is at the file, nothing is done.
    """
    with _locked(path) as free:
        return free and _write(store, path)


def _write(store: Store, path: Path) -> bool:
    _import(store, path)
    seq, number = store.events.last(), store.skills.count()
    if _is_shown(store, path, number):
        return False
    ledger, uses = _Ledger.load(store), store.skills.uses()
    gone = store.state.get()
    own = {
        "total_errors_handled": store.incidents.count_own() + gone["forgotten_incidents"],
        "auto_resolved": store.snapshots.figures().get("tries.policy.verified", 0) + gone["forgotten_resolved"],
    }
    ledger.shown_stats, ledger.shown_uses = Counter({n: ledger.stats[n] + own[n] for n in STATS}), Counter()
    lines: list[str] = []
    for known in store.skills.each(states=SHOWN_STATES):
        skill_id = known.skill.skill_id
        entry = skill_to_old(known, uses.get(skill_id, 0), ledger.skills.get(skill_id))
        lines.append(json.dumps(entry))
        if entry["usage_count"]:
            ledger.shown_uses[skill_id] = entry["usage_count"]
    listed = ",\n    ".join(lines + ledger.refused)
    data = f'{{\n  "skills": [\n    {listed}\n  ],\n  "stats": {json.dumps(ledger.shown_stats)}\n}}\n'.encode()
    digest = _digest(data)
    is_new = store.skills_file.get()["sha256"] != digest or not path.exists()
    # Noted first: a file of ours that is not noted would pass for what an old program has counted.
    with store.transaction():
        ledger.save(store)
        store.skills_file.set(sha256=digest, shown=f"{seq}:{number}")
    if is_new:
        write_atomically(path, data)
    return is_new


def _is_shown(store: Store, path: Path, number: int) -> bool:
    """Tell whether a file shows the skills that are known; its counts may be old by a time that grows with its size."""
    try:
        age = store.clock.now().timestamp() - path.stat().st_mtime
    except FileNotFoundError:
        return False
    seq, _, shown = store.skills_file.get()["shown"].partition(":")
    if shown != str(number) or store.events.has_after(int(seq), CHANGED_BY):
        return False
    return 0 <= age < number / SKILLS_A_SECOND or not store.events.has_after(int(seq), COUNTED_BY)


def _naive_local(utc: str) -> str:
    try:
        return from_text(utc).astimezone(UTC).astimezone().replace(tzinfo=None).isoformat()
    except (ValueError, OverflowError):
        return utc
