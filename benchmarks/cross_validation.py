"""What a matcher is worth on classes that had no part in making it: rules chosen on some classes, judged on others.

The wordings that the product knows are listed rules, written by people who saw examples. A rule counts for a group of
classes only where classes outside of that group have asked for it: each rule is taken out in turn, and the classes
that then lose a right answer are the ones that it helps. For each fold, the rules that help at least two classes of
the other folds are kept, and the incidents of the fold are judged with those alone.
"""

from __future__ import annotations

import hashlib
import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from scripts.testbed.matcher import Matcher, read_incident

from meshcore.knowledge import causes, report
from meshcore.knowledge.command import words_of
from meshcore.knowledge.program import program_name
from meshcore.model import Signature

Row = Mapping[str, Any]
MODES = ("first", "relearn")
ENOUGH = 2  # classes of other folds that a rule must help
FOLDS = 10


class Judged(NamedTuple):
    """One incident: whether its class was known, the answer's tier ("" for none), whether it was right, its fix too."""

    row: Row
    known: bool
    tier: str
    right: bool
    fixed: bool | None


def judge(make: Callable[[], Any], rows: Sequence[Row], mode: str) -> list[Judged]:
    """Return how each incident of a stream fares, by the rules of the scorer of ../shared/eval."""
    matcher, known, judged = make(), set[str](), []
    for row in rows:
        label = row["class_id"]
        is_known = label is not None and (label in known or any(other in known for other in row["accept"]))
        answer = matcher.match(row)
        right = answer is not None and is_known and (answer[0] == label or answer[0] in row["accept"])
        fixed = None
        if is_known and row.get("verified"):
            fixed = answer is not None and _words(answer[2]) == _words(row["resolution"])
        judged.append(Judged(row, is_known, answer[1] if answer else "", right, fixed))
        exact = right and answer is not None and answer[1] == "exact"
        if label is not None and row["resolution"] and (label not in known or (mode == "relearn" and not exact)):
            matcher.learn(row, label, row["resolution"])
            known.add(label)
    return judged


def _words(text: str) -> list[str]:
    try:
        return shlex.split(str(text))
    except ValueError:
        return str(text).split()


def tally(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return recall, wrong answers and false fires of both tiers, and how many filled-in commands are right."""
    known = [one for one in judged if one.known]
    other = [one for one in judged if not one.known]
    verified = [one for one in judged if one.fixed is not None]
    figures: dict[str, Any] = {"known": len(known), "unknown": len(other)}
    for name, tiers in (("exact", ("exact",)), ("any", ("exact", "likely"))):
        right = sum(one.right for one in known if one.tier in tiers)
        figures[name] = {
            "recall": _rate(right, len(known)),
            "wrong": _rate(sum(one.tier in tiers for one in known) - right, len(known)),
            "false_fire": _rate(sum(one.tier in tiers for one in other), len(other)),
        }
    return {**figures, "fix": _rate(sum(bool(one.fixed) for one in verified), len(verified))}


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


# --- rules that can be taken out --------------------------------------------------------------------------------------


class Rule(NamedTuple):
    """A listed rule: its name, and the needles of which one must stand in a text that it has a say in."""

    name: str
    needles: tuple[str, ...]


def rules() -> list[Rule]:
    """Return the listed rules of reading: causes in many wordings, and reports by their form."""
    found: dict[str, list[str]] = defaultdict(list)
    for needle, reader in causes.READERS:
        found[f"cause {reader.__name__.strip('_')}"].append(needle)
    for place, (needle, finder) in enumerate(report.READERS):
        found[f"report {place} {finder.__name__.strip('_')}"].append(needle.strip("\n").lower())
    return [Rule(name, tuple(needles)) for name, needles in found.items()]


@contextmanager
def without(names: set[str]) -> Iterator[None]:
    """Take rules out for as long as the block runs."""
    kept_causes, kept_reports = causes.READERS, report.READERS
    causes.READERS = tuple(p for p in kept_causes if f"cause {p[1].__name__.strip('_')}" not in names)
    report.READERS = tuple(
        pair for place, pair in enumerate(kept_reports) if f"report {place} {pair[1].__name__.strip('_')}" not in names
    )
    try:
        yield
    finally:
        causes.READERS, report.READERS = kept_causes, kept_reports


class _Reading:
    """Reads incidents, each once for the whole set of rules, and anew where a rule that is out had a say."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._whole = {row["id"]: read_incident(row) for row in rows}
        self._low = {row["id"]: str(row["message"]).lower() for row in rows}

    def maker(self, out: Sequence[Rule]) -> Callable[[], Matcher]:
        needles = [needle for rule in out for needle in rule.needles]

        def read(incident: Mapping[str, Any]) -> Signature:
            low = self._low[incident["id"]]
            concerned = any(needle in low for needle in needles)
            return read_incident(incident) if concerned else self._whole[incident["id"]]

        return lambda: Matcher(read)


def helped(before: Sequence[Judged], after: Sequence[Judged]) -> set[str]:
    """Return the classes that have more right answers before a rule was taken out than after."""
    count: Counter[str] = Counter()
    for sign, judged in ((1, before), (-1, after)):
        for one in judged:
            if one.right:
                count[one.row["class_id"]] += sign * (2 if one.tier == "exact" else 1)
    return {label for label, balance in count.items() if balance > 0}


# --- folds ------------------------------------------------------------------------------------------------------------


def by_class(rows: Sequence[Row]) -> dict[str, int]:
    """Return a fold for each incident (by its id): a class is wholly in one, what has no class stands alone."""
    return {row["id"]: _number(str(row["class_id"] or row["id"])) % FOLDS for row in rows}


def by_program(rows: Sequence[Row]) -> dict[str, int]:
    """Return a fold for each incident: all classes that mostly one program shows are in one fold."""
    programs: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        programs[str(row["class_id"] or row["id"])][_program(row)] += 1
    names = sorted({count.most_common(1)[0][0] for count in programs.values()})
    return {row["id"]: names.index(programs[str(row["class_id"] or row["id"])].most_common(1)[0][0]) for row in rows}


def _program(row: Row) -> str:
    words = words_of(str(row["command"]))
    return program_name(words[0]) if words else ""


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def held_out(row: Row) -> bool:
    """Tell whether an incident is of the half of the classes that was not looked at while rules were made."""
    return hashlib.sha256(str(row["class_id"] or row["id"]).encode()).digest()[0] % 2 == 1


def cross_validated(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the figures of both modes for folds of classes and of programs, and what each rule helps."""
    every, reading = rules(), _Reading(rows)
    whole = {mode: judge(reading.maker(()), rows, mode) for mode in MODES}
    helps = dict[str, set[str]]()
    for rule in every:
        if any(needle in str(row["message"]).lower() for row in rows for needle in rule.needles):
            with without({rule.name}):
                helps[rule.name] = helped(whole["first"], judge(reading.maker([rule]), rows, "first"))
        else:
            helps[rule.name] = set()
    result: dict[str, Any] = {}
    for name, fold_of in (("classes", by_class(rows)), ("programs", by_program(rows))):
        judged: dict[str, list[Judged]] = {mode: [] for mode in MODES}
        ruled: dict[frozenset[str], dict[str, list[Judged]]] = {frozenset(): whole}
        for fold in sorted(set(fold_of.values())):
            inside = {row["class_id"] for row in rows if fold_of[row["id"]] == fold}
            out = frozenset(rule for rule, classes in helps.items() if len(classes - inside) < ENOUGH)
            if out not in ruled:
                with without(set(out)):
                    maker = reading.maker([rule for rule in every if rule.name in out])
                    ruled[out] = {mode: judge(maker, rows, mode) for mode in MODES}
            for mode in MODES:
                judged[mode] += [one for one in ruled[out][mode] if fold_of[one.row["id"]] == fold]
        result[f"folds of {name}"] = {mode: tally(judged[mode]) for mode in MODES}
    result["half of the classes not looked at"] = {
        mode: tally([one for one in whole[mode] if held_out(one.row)]) for mode in MODES
    }
    result["in view"] = {mode: tally(whole[mode]) for mode in MODES}
    result["classes that a rule helps"] = {rule: len(classes) for rule, classes in sorted(helps.items())}
    return result
