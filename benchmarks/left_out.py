"""What answers are worth on what was not looked at: `python -m benchmarks.left_out SCORER` prints JSON.

SCORER is the scorer of recorded sessions (no part of this repository). Each answer belongs to a rule: a fix, what
passed instead in earlier sessions, or one of the rules of `healing.at_hand`. For each project (of `tb` for each task,
of `swe` for each kind of failure) the rules are chosen by all the others: a rule stays where at most a tenth of what
was decided there was contradicted. `left_out` sums up what the chosen rules say where they had no part in the choice;
`in_view` is what the product says now, and `by_rule` what each rule is worth.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections import Counter, defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.adapters import make_sessions

MOST_CONTRADICTED = 0.10
RIGHT = ("confirmed_rerun", "confirmed", "near")
UNDECIDED = ("unconfirmed",)


def scorer_at(path: Path) -> ModuleType:
    """Load the scorer."""
    spec = importlib.util.spec_from_file_location("score_sessions", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answers(scorer: ModuleType, sessions: list[dict[str, Any]], name: str) -> list[tuple[str, str, str]]:
    """Return (group, rule, mark) of each answer in a set."""
    record = scorer.drive(sessions, name, make_sessions)
    facts, shell = scorer.read_set(sessions, name)
    found = []
    for said in record["advice"]:
        fact = facts[said["sid"], said["n"]]
        if not fact["failed"] or not said["command"] or said["when"] != "after":
            continue
        later = shell[said["sid"]][fact["i"] + 1 : fact["i"] + 1 + scorer.WITHIN]
        mark, _ = scorer.judge_advice(fact, said["command"], later)
        group = fact["line"] if name == "swe" else fact["project"].removesuffix(".easy").removesuffix(".hard")
        found.append((f"{name}: {group}", said["tier"] or said["kind"], mark))
    return found


def figures(marks: list[str]) -> dict[str, Any]:
    """Return how answers fared."""
    count = Counter(marks)
    decided = sum(n for mark, n in count.items() if mark not in UNDECIDED)
    return {
        "answers": len(marks),
        "confirmed_or_near": sum(count[mark] for mark in RIGHT),
        "contradicted_of_decided": round(count["contradicted"] / decided, 3) if decided else None,
        **dict(sorted(count.items())),
    }


def left_out(found: list[tuple[str, str, str]]) -> list[str]:
    """Return the marks of what each group hears from the rules that all other groups chose."""
    heard = []
    for group in {group for group, _, _ in found}:
        others: dict[str, list[str]] = defaultdict(list)
        for other, rule, mark in found:
            if other != group:
                others[rule].append(mark)
        kept = {
            rule for rule in {rule for _, rule, _ in found}
            if (figures(others[rule])["contradicted_of_decided"] or 0.0) <= MOST_CONTRADICTED
        }  # fmt: skip
        heard += [mark for other, rule, mark in found if other == group and rule in kept]
    return heard


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scorer", type=Path, metavar="SCORER")
    parser.add_argument("--data", type=Path, help="default: sessions_dev.jsonl.gz beside the scorer")
    options = parser.parse_args()
    scorer = scorer_at(options.scorer)
    sessions = scorer.load(options.data or options.scorer.parent / "sessions_dev.jsonl.gz")
    every = {name: answers(scorer, [s for s in sessions if s["set"] == name], name) for name in ("real", "swe", "tb")}
    found = [row for rows in every.values() for row in rows]
    marks = left_out(found)
    by_rule: dict[str, list[str]] = defaultdict(list)
    for _, rule, mark in found:
        by_rule[rule].append(mark)
    report = {
        "left_out": figures(marks),
        "groups": len({group for group, _, _ in found}),
        "in_view": {name: figures([mark for _, _, mark in rows]) for name, rows in every.items()},
        "by_rule": {rule: figures(marks) for rule, marks in sorted(by_rule.items())},
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
