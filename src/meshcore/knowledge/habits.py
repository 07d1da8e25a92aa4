"""What is known to fail in a project: per command how often, since when, in which ways, and what is said of it.

A habit is the standing failure of one command; a pass ends it. A *way* stands for one line of what was said, with
paths, numbers and times taken out: two runs failed the same way where their telling lines are one way.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from meshcore.knowledge.kinds import KINDS, Kind
from meshcore.knowledge.text import word_set
from meshcore.store.known_marks import took_byte, took_ms

DAY = 86_400
WARN_WITHIN = 14 * DAY  # an older failure warns nobody
COSTLY_SECONDS = 10.0
EXPECTED_DAYS = 14
MAX_SAYINGS = 3  # in a session
MAX_WAYS = 24
_LINES_READ = 80
_LINE = 200


# --- ways -------------------------------------------------------------------------------------------------------------


@functools.cache
def _noise() -> re.Pattern[str]:
    return re.compile(
        r"\x1b\[[0-9;?]*[A-Za-z]|\d{4}-\d\d-\d\d[T ][\d:.,+-]+Z?|\b\d\d?:\d\d:\d\d(?:[.,]\d+)?\b"
        r"|(?<![\w.])(?:[A-Za-z]:)?(?:[\w.~@+-]*[\\/])+(?=[\w.@+-])|\b(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b|\d+"
    )


def masked(line: str) -> str:
    """Return a line without what differs from run to run: colours, times, folders, numbers, hashes."""
    return " ".join(_noise().sub(_blank, line[:_LINE]).split()).lower()


def _blank(found: re.Match[str]) -> str:
    return "" if found[0][-1] in "\\/" or found[0][0] == "\x1b" else "#"


@functools.cache
def _telling() -> re.Pattern[str]:
    return re.compile(
        r"(?i)\b(?:errors?|fatal|fail(?:s|ed|ure|ures|ing)?|exception|panic|not found|no such|cannot|can't|could not"
        r"|unable|denied|undefined|unknown|invalid|missing|refused|timed out|unrecogni[sz]ed|unexpected|rejected"
        r"|conflict|expected|unsupported|assert\w*|required|must|overwritten|undeclared)\b|:\d+:\d+|✗|✖|✘|\berror\b"
    )


_EMPTY_WORDS = word_set(
    "error errors fail fails failed failing failure failures task tasks test tests command exit exited code with "
    "status found traceback most recent call last in of and was were run build the fatal ms s a is err x panic"
)
_WORD = re.compile(r"\w+")
_TAG = re.compile(r"^\[[\w:./-]*\]")


def is_generic(line: str) -> bool:
    """Tell whether a masked line says no more than that something failed."""
    return all(word in _EMPTY_WORDS for word in _WORD.findall(_TAG.sub("", line)))


def way(line: str) -> bytes:
    """Return what stands for a line: 5 bytes."""
    return hashlib.blake2b(masked(line).encode("utf-8", "surrogatepass"), digest_size=5).digest()


def ways_of(output: str, line: str) -> tuple[bytes, ...]:
    """Return the ways in which a run failed: the telling line's first, then other lines that tell of failure."""
    found = {way(line): None} if not is_generic(masked(line)) else {}
    for other in output.splitlines()[-_LINES_READ:]:
        if _telling().search(other):
            text = masked(other)
            if not is_generic(text):
                found[hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).digest()] = None
        if len(found) >= MAX_WAYS:
            break
    return tuple(found)


# --- a habit ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failed:
    """One failure of a command: in which session (4 bytes), when (seconds since 1970), how, and what it depends on.

    `live`: a hook saw it, here; what was imported is not. `ways`: see `ways_of`. `cause`: see `corrections.way_of`.
    `fingerprint`: see `healing.checkout.fingerprint`, empty where nothing is known. `text`: the command, redacted.
    `incident`: the first half of its incident's id, empty where it has none.
    """

    session: bytes
    at: int
    kind: Kind
    exit_code: int
    ways: tuple[bytes, ...]
    cause: bytes = b""
    fingerprint: bytes = b""
    seconds: float = 0.0
    live: bool = True
    text: str = ""
    incident: bytes = b""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """A way in which a command failed, in how many sessions, and in which it was last."""

    way: bytes
    sessions: int
    session: bytes


@dataclass(frozen=True, slots=True)
class Habit:
    """A command's failures since it last passed.

    `sessions` counts those in which it failed, `live` those that a hook saw; `recent` holds the newest sessions. `runs`
    and `seconds` sum up the failed runs. `passes` and `failures` count the runs at one fingerprint. `expected`: until
    when a person wants it to fail. `incident` is that of the newest failure, `agents` are the newest that failed.
    `costs`: times of the newest failed runs, as `known_marks.took_byte` says them.
    """

    kind: Kind
    exit_code: int
    sessions: int
    live: int
    recent: tuple[bytes, ...]
    runs: int
    seconds: float
    first: int
    last: int
    fingerprint: bytes
    passes: int
    failures: int
    expected: int
    cause: bytes
    ways: tuple[Way, ...]
    text: str
    incident: bytes = b""
    agents: tuple[str, ...] = ()
    costs: bytes = b""

    @property
    def median_seconds(self) -> float:
        """Return how long a failed run takes, 0 where no agent told that."""
        ordered = sorted(self.costs)
        return took_ms(ordered[len(ordered) // 2]) / 1000 if ordered else 0.0

    @property
    def stands(self) -> bool:
        """Tell whether the command failed and has not passed since."""
        return self.sessions > 0

    def others(self, session: bytes) -> int:
        """Return in how many sessions beside this one it failed."""
        return self.sessions - (session in self.recent)

    def has_files_of(self, failed: Failed) -> bool:
        """Tell whether the files that the command names are those of last time: else it is another script of a name."""
        return not self.fingerprint or self.fingerprint[12:16] == failed.fingerprint[12:16]

    def repeats(self, ways: Sequence[bytes]) -> bool:
        """Tell whether any of these lines is one in which the command fails."""
        return not {one.way for one in self.ways}.isdisjoint(ways)

    def known(self, failed: Failed) -> list[Way]:
        """Return the ways of a failure that were seen in other sessions."""
        known = {known.way: known for known in self.ways}
        found = [known[one] for one in failed.ways if one in known]
        return [one for one in found if one.sessions > (one.session == failed.session)]


_RECENT = 8
_AGENTS = 4
_COSTS = 9  # newest failed runs whose time is kept, a byte each


def with_failure(habit: Habit | None, failed: Failed) -> Habit:
    """Return the habit with one failure more."""
    if habit is None:
        habit = Habit(
            failed.kind, 0, 0, 0, (), 0, 0.0, failed.at, failed.at, failed.fingerprint, 0, 0, 0, b"", (), failed.text
        )
    new = failed.session not in habit.recent
    same_ground = is_ground(failed.fingerprint) and habit.fingerprint == failed.fingerprint
    known = {one.way: one for one in habit.ways}
    for one in reversed(failed.ways):  # the telling line last, where the limit leaves it
        before = known.pop(one, None)
        again = before is None or before.session != failed.session
        known[one] = Way(one, min(255, (before.sessions if before else 0) + again), failed.session)
    newest = list(known.values())[-MAX_WAYS:]
    return replace(
        habit,
        kind=failed.kind,
        exit_code=failed.exit_code,
        sessions=habit.sessions + new,
        live=habit.live + (new and failed.live),
        recent=(*[one for one in habit.recent if one != failed.session][-_RECENT + 1 :], failed.session),
        runs=habit.runs + 1,
        seconds=habit.seconds + failed.seconds,
        first=habit.first if habit.sessions else failed.at,
        last=max(habit.last, failed.at),
        fingerprint=failed.fingerprint,
        passes=habit.passes if same_ground else 0,
        failures=(habit.failures if same_ground else 0) + 1,
        cause=failed.cause,
        ways=tuple(newest),
        text=failed.text,
        incident=failed.incident,
        agents=tuple(dict.fromkeys(filter(None, (failed.agent.replace("\n", " "), *habit.agents))))[:_AGENTS],
        costs=(habit.costs + (bytes((took_byte(failed.seconds),)) if failed.seconds else b""))[-_COSTS:],
    )


def with_pass(habit: Habit, fingerprint: bytes) -> Habit:
    """Return the habit of a command that passed: nothing stands; what it did at this fingerprint is counted."""
    same_ground = is_ground(fingerprint) and habit.fingerprint == fingerprint
    return replace(
        habit,
        sessions=0,
        live=0,
        recent=(),
        runs=0,
        seconds=0.0,
        fingerprint=fingerprint,
        passes=(habit.passes if same_ground else 0) + 1,
        failures=habit.failures if same_ground else 0,
        expected=0,
        ways=(),
        incident=b"",
        agents=(),
        costs=b"",
    )


# --- packed, as the store holds it ------------------------------------------------------------------------------------


def pack_ways(ways: Sequence[Way]) -> bytes:
    """Return ways in 10 bytes each."""
    return b"".join(one.way + bytes((one.sessions,)) + one.session[:4] for one in ways)


def unpack_ways(data: bytes) -> tuple[Way, ...]:
    """Return packed ways. Raises ValueError for a text of another length."""
    if len(data) % 10:
        raise ValueError("ways of a broken length")
    return tuple(Way(data[i : i + 5], data[i + 5], data[i + 6 : i + 10]) for i in range(0, len(data), 10))


def half(incident_id: str) -> bytes:
    """Return half of an incident's id, which tells incidents apart as well, at half the size."""
    return bytes.fromhex(incident_id[: len(incident_id) // 4 * 2])


def kind_number(kind: Kind) -> int:
    """Return a kind as the store holds it."""
    return KINDS.index(kind)


# --- what is said -----------------------------------------------------------------------------------------------------

_WHAT: dict[Kind, str] = {
    "wording": "the command line is not understood",
    "machine": "something is missing or not reachable on this machine",
    "verdict": "the check itself says so",
    "other": "",
}


def said_after(habit: Habit, failed: Failed, shown: str) -> str:
    """Return the fact that is told after a failure, "" where there is none: no advice, no line of another session.

    `habit` is the one before this failure; `shown` the command as it is shown.
    """
    others = habit.others(failed.session)
    same_ground = is_ground(failed.fingerprint) and habit.fingerprint == failed.fingerprint
    # Of a verdict alone: what is missing on a machine is brought there and taken away, and no edit shows that.
    if failed.kind == "verdict" and habit.passes and same_ground:
        return f"`{shown}` has both passed and failed at this commit, with no edit between that was seen."
    if habit.expected > failed.at or not habit.stands or others < 1:
        return ""
    known = habit.known(failed)
    when = f"last {ago(failed.at - habit.last)} ago{_ground(habit.fingerprint, failed.fingerprint)}"
    if failed.kind == "verdict":
        if known:
            most = max(one.sessions - (one.session == failed.session) for one in known)
            new = len(failed.ways) - len(known)
            rest = f"; {new} {'is' if new == 1 else 'are'} new" if new else ""
            return (
                f"`{shown}`: {_lines(len(known))} also failed in {_sessions(most)} here ({when}){rest}."
                " It has not passed since. No reason to skip the check."
            )
        otherwise = ", otherwise," if failed.ways else ""
        return (
            f"`{shown}` also failed in {_sessions(others)} here ({when}){otherwise} and has not passed since."
            " No reason to skip the check."
        )
    if not known:
        silent = not failed.ways and not habit.ways and habit.exit_code == failed.exit_code
        said = f"`{shown}` failed here with the same exit code in {_sessions(others)} ({when}). Not passed since."
        return said if silent else ""
    if known[0].way != failed.ways[0]:
        most = max(one.sessions - (one.session == failed.session) for one in known)
        return f"`{shown}`: {_lines(len(known))} also failed in {_sessions(most)} here ({when}). Not passed since."
    count = known[0].sessions - (known[0].session == failed.session)
    what = _WHAT[failed.kind]
    said = f"`{shown}` failed here the same way in {_sessions(count)} ({when})"
    return f"{said}{': ' if what else ''}{what}. Not passed since."


def said_before(habit: Habit, session: bytes, fingerprint: bytes, now: int, shown: str, better: str) -> str:
    """Return the line that is told before a command, "" in any doubt."""
    if habit.kind not in ("wording", "machine") or habit.expected > now or not habit.stands:
        return ""
    live = habit.live - (session in habit.recent)
    if live < 2 or session in habit.recent or not 0 <= now - habit.last <= WARN_WITHIN:
        return ""
    # Wording and machine depend on lock files, the program and the files named, whatever was committed since.
    if habit.fingerprint[4:] != fingerprint[4:] or not habit.ways or habit.ways[-1].sessions < 2:
        return ""
    if not better and habit.median_seconds < COSTLY_SECONDS:
        return ""
    what = _WHAT[habit.kind]
    code = f"exit code {habit.exit_code}: " if habit.exit_code else ""
    instead = f" `{better}` passed." if better else ""
    return (
        f"`{shown}` failed here the same way in {_sessions(live)}, last {ago(now - habit.last)} ago"
        f" ({code}{what}), and has not passed since.{instead} Not tested now."
    )


def ago(seconds: int) -> str:
    """Return a span of time in words, for example `2 days`."""
    for size, name in ((DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "a moment"


def _ground(before: bytes, now: bytes) -> str:
    """Return what is known to be the same as last time."""
    if not before or not now or len(before) != len(now):
        return ""
    names = [
        name for i, name in enumerate(("commit", "lock file", "program")) if _part(before, i) == _part(now, i) != _NONE
    ]
    return f", same {' and '.join(names)}" if names else ""


_NONE = b"\0\0\0\0"


def is_ground(fingerprint: bytes) -> bool:
    """Tell whether a fingerprint knows the commit, so that runs with the same one are runs of the same thing."""
    return _part(fingerprint, 0) not in (b"", _NONE)


def _part(fingerprint: bytes, number: int) -> bytes:
    return fingerprint[4 * number : 4 * number + 4]


def _sessions(count: int) -> str:
    return f"{count} earlier session{'s' if count > 1 else ''}"


def _lines(count: int) -> str:
    return f"{count} of these lines" if count > 1 else "one of these lines"
