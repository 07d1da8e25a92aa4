"""What agents were told and what that was worth: each figure once, with its name, its sentence and its question.

Whoever shows one of them (`meshtui digest`, the report, the overview) takes it from here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from meshcore.clock import to_text
from meshcore.evidence.interval import Difference, difference
from meshcore.home import Home
from meshcore.knowledge.telling import KINDS
from meshcore.model import Json
from meshcore.store.known_marks import root_mark, took_ms
from meshcore.store.read import Read
from meshcore.store.snapshots import TAKEN
from meshcore.store.store import Store
from meshcore.store.tellings import DAY, WITHHELD

SENTENCES = {
    "told": "How often an agent or a person at a shell of this node was told something, by kind.",
    "right": "What the session did next showed it true or useful: the fix or the command told was run and the failed"
    " command then passed; a command failed as it was said before; it passed after the session had changed something.",
    "ignored": "The session ran the same command again unchanged, and it failed again; a fix was not run.",
    "wrong": "What was told failed, or the same command passed unchanged.",
    "not shown": "None of these within six commands that a hook looked at.",
    "per 100 calls": "Of 100 shell commands that agents reported as ended, counted by day since hooks count them.",
    "auto": "Failures with a known fix that the mode alone kept from being run; by hand: the same fix was then run.",
    "cost": "Milliseconds of a hook's process from its start (processor time) to its end, as each measured itself.",
    "unread": "Payloads that were no JSON object, or of a shell tool without a command, by the program's version.",
    "saved": "Of repeats of a known failure, the share after which the session met the same failure once more: told"
    " against withheld, by command.",
}
"""What each figure is, in one sentence."""


RESULT = (
    "CASE WHEN state='verified' AND taken THEN 'right' WHEN state='fix_failed' THEN 'wrong'"
    " WHEN state IN ('matched', 'needs_approval', 'verified') AND NOT taken THEN 'ignored' ELSE '' END"
)
"""What came of a fix that was told, of an incident whose fix was `taken` or not."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How often something was told, what came of it, and to whom it was told (n by `via`)."""

    told: int = 0
    right: int = 0
    ignored: int = 0
    wrong: int = 0
    to: Mapping[str, int] = field(default_factory=dict)

    @property
    def not_shown(self) -> int:
        """Return of how many nothing came that shows anything."""
        return self.told - self.right - self.ignored - self.wrong

    def to_json(self) -> dict[str, Json]:
        """Return the figures as a record holds them."""
        counts = {name: getattr(self, name) for name in ("told", "right", "ignored", "wrong", "not_shown")}
        return {**counts, "to": dict(self.to)}


@dataclass(frozen=True, slots=True)
class OfProject:
    """The same of one project (its folder, "" for none that is known), and how many calls were counted there."""

    root: str
    shown: Shown
    calls: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds that hooks of a program took `when` a command was about to run, or had ended."""

    via: str
    when: str
    calls: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Saved:
    """Repeats told and withheld while a share was withheld, of how many commands, and what telling changed."""

    told: int = 0
    told_again: int = 0
    told_commands: int = 0
    withheld: int = 0
    withheld_again: int = 0
    withheld_commands: int = 0
    fewer: Difference | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """All of it. `auto` is (would have been run, of these run by hand, failures whose ruling tells)."""

    kinds: Mapping[str, Shown]
    projects: tuple[OfProject, ...]
    calls: int
    costs: tuple[Cost, ...]
    unread: tuple[tuple[str, str, int], ...]
    auto: tuple[int, int, int]
    saved: Saved

    @property
    def whole(self) -> Shown:
        """Return all kinds together."""
        return _sum(self.kinds.values())

    def to_json(self) -> dict[str, Json]:
        """Return the digest as `--json` prints it, its sentences with it."""
        saved = asdict(self.saved)
        return {
            "kinds": {kind: shown.to_json() for kind, shown in self.kinds.items()},
            "projects": [{"root": one.root, "calls": one.calls, **one.shown.to_json()} for one in self.projects],
            "calls": self.calls,
            "cost_ms": [
                {"via": one.via, "when": one.when, "calls": one.calls, "p50": one.p50, "p95": one.p95}
                for one in self.costs
            ],
            "unread": [{"via": via, "version": version, "payloads": n} for via, version, n in self.unread],
            "auto": dict(zip(("would_run", "by_hand", "judged"), self.auto, strict=True)),
            "saved": saved,
            "sentences": SENTENCES,
        }


def digest(store: Store, since: datetime | None = None) -> Digest:
    """Return the digest of a node, of what happened since a time (UTC), None for all. Folds in what hooks counted."""
    store.tellings.fold_calls(Home(store.path.parent).state)
    start = int(since.timestamp()) if since else 0
    kinds: dict[str, list[Shown]] = {kind: [] for kind in KINDS}
    places: dict[str, list[Shown]] = {}
    roots = store.answers(Read("SELECT root, project FROM checkouts ORDER BY root", lambda row: (str(row[0]), row[1])))
    named = {number: root for root, number in reversed(roots)}
    for kind, via, project, result, n in store.answers(said_of(start)):
        shown = _one(via, result, n)
        kinds.setdefault(kind, []).append(shown)
        places.setdefault(named.get(project, ""), []).append(shown)
    for via, cwd, result, n in store.answers(fixes_of(to_text(since) if since else "")):
        shown = _one(via, result, n)
        kinds["fix"].append(shown)
        places.setdefault(_root_of(cwd, [root for root, _ in roots]), []).append(shown)
    calls = dict(store.answers(_calls(start)))
    per_root = {root: calls.get(root_mark(root), 0) for root, _ in roots}
    return Digest(
        {kind: _sum(parts) for kind, parts in kinds.items()},
        _worst_first(OfProject(root, _sum(parts), per_root.get(root, 0)) for root, parts in places.items()),
        sum(calls.values()),
        tuple(_costs(store.answers(_took(start)))),
        tuple(store.answers(_unread(start))),
        store.answers(_auto(to_text(since) if since else ""))[0],
        saved_of(store.answers(_arms(start))),
    )


def said_of(start: int) -> Read[tuple[str, str, int, str, int]]:
    """Ask for (kind, via, project, result, n) of what was told from a time on (seconds since 1970), fixes left out."""
    sql = (
        "SELECT kind, via, project, result, count(*) FROM tellings WHERE at>=? AND arm<>? AND kind<>'fix'"
        " GROUP BY 1,2,3,4"
    )
    return Read(sql, lambda row: (str(row[0]), str(row[1]), int(row[2]), str(row[3]), int(row[4])), (start, WITHHELD))


def fixes_of(since: str) -> Read[tuple[str, str, str, int]]:
    """Ask for (via, folder, result, n) of the fixes that were told from a time on (UTC text, "" for all)."""
    sql = (
        f"SELECT via, cwd, {RESULT} AS result,"  # noqa: S608
        f" count(*) FROM (SELECT via, cwd, state, {TAKEN} AS taken FROM incidents i WHERE incident_id IN"
        " (SELECT incident_id FROM events WHERE kind='hook.answered' AND at>=?)) GROUP BY 1,2,3"
    )
    return Read(sql, lambda row: (str(row[0]), str(row[1]), str(row[2]), int(row[3])), (since,))


def all_told(said: Iterable[tuple[str, str, int, str, int]], fixes: Iterable[tuple[str, str, str, int]]) -> Shown:
    """Return the answers of both as one figure: `Digest.whole`, for who shows no more than that."""
    parts = [_one(via, result, n) for _, via, _, result, n in said]
    return _sum([*parts, *(_one(via, result, n) for via, _, result, n in fixes)])


def per_hundred(count: int, calls: int) -> float | None:
    """Return a count per 100 calls, None where no call was counted."""
    return round(100 * count / calls, 2) if calls else None


def saved_in_words(saved: Saved, withhold: float) -> str:
    """Return what telling has saved, or why there is nothing to say of that."""
    if not withhold and not saved.withheld:
        return "Saved: not measured; `[effect] withhold = 0.2` in config.toml keeps a fifth back to compare with."
    counts = (
        f"after {saved.told_again} of {saved.told} repeats told ({saved.told_commands} commands) and"
        f" {saved.withheld_again} of {saved.withheld} withheld ({saved.withheld_commands} commands)"
        " the session met the same failure once more"
    )
    if saved.fewer is None:
        return f"Saved: too few to say; {counts}."
    low, value, high = (round(100 * part) for part in (saved.fewer.low, saved.fewer.value, saved.fewer.high))
    return f"Saved: {value} of 100 repeats told did not fail once more (95 % interval {low} to {high}); {counts}."


# --- questions --------------------------------------------------------------------------------------------------------


def _calls(start: int) -> Read[tuple[bytes, int]]:
    sql = "SELECT root, sum(calls) FROM hook_calls WHERE day>=? AND ended=1 GROUP BY root"
    return Read(sql, lambda row: (bytes(row[0]), int(row[1])), (start // DAY,))


def _took(start: int) -> Read[tuple[str, int, int, int]]:
    sql = "SELECT via, ended, took, sum(calls) FROM hook_calls WHERE day>=? GROUP BY 1,2,3 ORDER BY 1,2,3"
    return Read(sql, lambda row: (str(row[0]), int(row[1]), int(row[2]), int(row[3])), (start // DAY,))


def _unread(start: int) -> Read[tuple[str, str, int]]:
    sql = "SELECT via, version, sum(calls) FROM unread_payloads WHERE day>=? GROUP BY 1,2 ORDER BY 3 DESC, 1, 2"
    return Read(sql, lambda row: (str(row[0]), str(row[1]), int(row[2])), (start // DAY,))


def _auto(since: str) -> Read[tuple[int, int, int]]:
    sql = """
SELECT coalesce(sum(held), 0), coalesce(sum(held AND (
    EXISTS (SELECT 1 FROM events e WHERE e.incident_id=d.incident_id AND e.incident_id<>'' AND e.kind='hook.taken')
    OR EXISTS (SELECT 1 FROM outcomes o WHERE o.incident_id=d.incident_id AND o.skill_id=d.skill_id
      AND o.result='verified')
  )), 0), count(*)
FROM (
  SELECT incident_id, skill_id, max(json_extract(data, '$.but_for_mode')='run'
    AND json_extract(data, '$.decision')<>'run') AS held
  FROM events WHERE kind='try.decided' AND at>=? AND json_extract(data, '$.but_for_mode') IS NOT NULL
  GROUP BY incident_id
) d
"""
    return Read(sql, lambda row: (int(row[0]), int(row[1]), int(row[2])), (since,))


def _arms(start: int) -> Read[tuple[int, int, int]]:
    """For each command that repeats were told or withheld of: the arm, how many repeats, and how many failed again."""
    sql = """
SELECT arm, count(*), sum(again) FROM (
  SELECT project, command, session, max(arm) AS arm, max(again>0) AS again FROM tellings WHERE at>=? AND arm>0
  GROUP BY project, command, session
) GROUP BY project, command, arm
"""
    return Read(sql, lambda row: (int(row[0]), int(row[1]), int(row[2])), (start,))


# --- adding up --------------------------------------------------------------------------------------------------------


def _one(via: str, result: str, n: int) -> Shown:
    return Shown(n, n * (result == "right"), n * (result == "ignored"), n * (result == "wrong"), {via: n})


def _sum(parts: Iterable[Shown]) -> Shown:
    told, right, ignored, wrong, to = 0, 0, 0, 0, Counter[str]()
    for one in parts:
        told, right, ignored, wrong = told + one.told, right + one.right, ignored + one.ignored, wrong + one.wrong
        to.update(one.to)
    return Shown(told, right, ignored, wrong, dict(to))


def _root_of(cwd: str, roots: list[str]) -> str:
    inside = [root for root in roots if cwd == root or cwd.startswith(root.rstrip("/") + "/")]
    return max(inside, key=len, default="")


def _worst_first(found: Iterable[OfProject]) -> tuple[OfProject, ...]:
    def badness(one: OfProject) -> tuple[float, int, str]:
        return -(one.shown.wrong / one.calls if one.calls else one.shown.wrong), -one.shown.ignored, one.root

    return tuple(sorted(found, key=badness))


def _costs(rows: list[tuple[str, int, int, int]]) -> Iterable[Cost]:
    for via, ended in sorted({row[:2] for row in rows}):
        times = [(took, n) for at, end, took, n in rows if (at, end) == (via, ended)]
        calls = sum(n for _, n in times)
        when = "had ended" if ended else "before, or after an edit"
        yield Cost(via, when, calls, _at(times, math.ceil(0.5 * calls)), _at(times, math.ceil(0.95 * calls)))


def _at(times: list[tuple[int, int]], place: int) -> float:
    """Return the time at a place among sorted ones that are counted."""
    for took, n in times:
        place -= n
        if place <= 0:
            return round(took_ms(took), 1)
    return 0.0


def saved_of(rows: Sequence[tuple[int, int, int]]) -> Saved:
    """Return what telling saved, of commands as (arm, repeats, of these how many failed once more)."""
    told = [(n, again) for arm, n, again in rows if arm != WITHHELD]
    kept = [(n, again) for arm, n, again in rows if arm == WITHHELD]
    return Saved(
        sum(n for n, _ in told), sum(again for _, again in told), len(told),
        sum(n for n, _ in kept), sum(again for _, again in kept), len(kept),
        difference([again / n for n, again in kept], [again / n for n, again in told]),
    )  # fmt: skip
