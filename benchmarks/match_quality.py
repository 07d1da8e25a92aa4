"""How good the answers are: `python -m benchmarks.match_quality` prints JSON, each figure beside its goal.

Reads the labelled incidents and the scorer of ../shared/eval; says so and ends where they are absent. First stand the
figures on classes that had no part in choosing the rules (see cross_validation), then those on rows in view. Beside
the project's matcher stand four simple ones, so that a figure has something to be compared with.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from scripts.testbed.matcher import make_matcher

from benchmarks.cross_validation import MODES, cross_validated

EVAL = Path(__file__).parents[1] / "../shared/eval"
HARDEST = 10
Row = Mapping[str, Any]
GOALS = {
    ("first", "exact", "recall"): 0.80,
    ("first", "exact", "wrong"): 0.01,
    ("first", "exact", "false_fire"): 0.01,
    ("relearn", "exact", "recall"): 0.90,
    ("relearn", "exact", "wrong"): 0.01,
    ("relearn", "exact", "false_fire"): 0.01,
    ("first", "any", "recall"): 0.92,
    ("first", "any", "false_fire"): 0.08,
    ("first", "fix", ""): 0.70,
}


class Scored(Protocol):
    """What the scorer calls."""

    def learn(self, incident: Mapping[str, str], skill: str, resolution: str) -> None: ...

    def match(self, incident: Mapping[str, str]) -> tuple[str, str, str] | None: ...


class Substring:
    """The old system's way: the same type, and the learnt last line contained in the text."""

    def __init__(self) -> None:
        self._known: list[tuple[str, str, str, str]] = []

    def learn(self, incident: Mapping[str, str], skill: str, resolution: str) -> None:
        self._known.append((incident["error_type"], _last_line(incident["message"]), skill, resolution))

    def match(self, incident: Mapping[str, str]) -> tuple[str, str, str] | None:
        for kind, pattern, skill, resolution in self._known:
            if kind == incident["error_type"] and pattern in incident["message"]:
                return skill, "exact", resolution
        return None


class NormalisedKey:
    """A dict on the last line with numbers, paths and quoted names replaced."""

    _noise = tuple(re.compile(p) for p in (r"0x[0-9a-f]+", r"(?:~|\.)?/[\w./@+-]+", r"\d+", r"\s+"))

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str]] = {}

    def _key(self, incident: Mapping[str, str]) -> str:
        line = _last_line(incident["message"])
        for pattern in self._noise:
            line = pattern.sub("#", line)
        return f"{incident['error_type']}\0{line}"

    def learn(self, incident: Mapping[str, str], skill: str, resolution: str) -> None:
        self._known.setdefault(self._key(incident), (skill, resolution))

    def match(self, incident: Mapping[str, str]) -> tuple[str, str, str] | None:
        found = self._known.get(self._key(incident))
        return (found[0], "exact", found[1]) if found else None


class Fuzzy:
    """rapidfuzz on the last line, 80 of 100 or better."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._known: list[tuple[str, str]] = []

    def learn(self, incident: Mapping[str, str], skill: str, resolution: str) -> None:
        self._lines.append(_last_line(incident["message"]))
        self._known.append((skill, resolution))

    def match(self, incident: Mapping[str, str]) -> tuple[str, str, str] | None:
        from rapidfuzz import fuzz, process

        line = _last_line(incident["message"])
        found = process.extractOne(line, self._lines, scorer=fuzz.ratio, score_cutoff=80)
        return (self._known[found[2]][0], "exact", self._known[found[2]][1]) if found else None


class FullText:
    """SQLite's FTS5: the best by bm25 of what shares any word with the last line."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:")
        self._db.execute("CREATE VIRTUAL TABLE known USING fts5(line, skill UNINDEXED, resolution UNINDEXED)")

    def learn(self, incident: Mapping[str, str], skill: str, resolution: str) -> None:
        self._db.execute("INSERT INTO known VALUES (?,?,?)", (_last_line(incident["message"]), skill, resolution))

    def match(self, incident: Mapping[str, str]) -> tuple[str, str, str] | None:
        words = re.findall(r"\w{3,}", _last_line(incident["message"]))[:30]
        query = " OR ".join(f'"{word}"' for word in words)
        if not query:
            return None
        sql = "SELECT skill, resolution FROM known WHERE known MATCH ? AND rank < -3 ORDER BY rank LIMIT 1"
        found = self._db.execute(sql, (query,)).fetchone()
        return (found[0], "exact", found[1]) if found else None


BASELINES: Mapping[str, Callable[[], Scored]] = {
    "substring": Substring,
    "normalised key": NormalisedKey,
    "rapidfuzz >= 80": Fuzzy,
    "FTS5": FullText,
}


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def hardest(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Return the classes of which most known incidents stay without a right answer, mode first."""
    matcher = make_matcher()
    known: set[str] = set()
    asked: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    example: dict[str, str] = {}
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        label = row["class_id"]
        if label is None:
            continue
        answer = matcher.match(row)
        if label in known:
            right = answer is not None and (answer[0] == label or answer[0] in row["accept"])
            asked[label] += 1
            answers[label]["none" if answer is None else answer[1] if right else "wrong"] += 1
            if not (right and answer and answer[1] == "exact"):
                missed[label] += 1
                example.setdefault(label, _last_line(row["message"])[:100])
        elif row["resolution"]:
            matcher.learn(row, label, row["resolution"])
            known.add(label)
    return [
        {
            "class": label,
            "not exact": count,
            "of": asked[label],
            "answers": dict(answers[label]),
            "example": example[label],
        }
        for label, count in missed.most_common(HARDEST)
    ]


def main() -> None:
    """Print the table as JSON."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    data, scorer = EVAL / "incidents_dev.jsonl", EVAL / "score_incidents.py"
    if not data.exists() or not scorer.exists():
        json.dump({"skipped": "the labelled incidents (../shared/eval) are not on this machine"}, sys.stdout)
        print()
        return
    run = _scorer(scorer)
    rows: list[Row] = [json.loads(line) for line in data.read_text().splitlines()]
    tables = cross_validated(rows)
    in_view = {mode: run(make_matcher, rows, mode) for mode in MODES}
    result = {
        "cross-validated": goals(tables["folds of classes"]),
        "in view": goals(in_view),
        **{name: table for name, table in tables.items() if name != "in view"},
        "by source": in_view["first"]["by_source"],
        "hardest classes": hardest(rows),
        "baselines, mode first": {name: _short(run(make, rows, "first")) for name, make in BASELINES.items()},
    }
    json.dump(result, sys.stdout, indent=1, ensure_ascii=False)
    print()


def goals(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each goal beside the figure of a table."""
    found = []
    for (mode, tier, what), goal in GOALS.items():
        figure = scores[mode][tier][what] if what else scores[mode][tier]
        met = figure >= goal if what in ("recall", "") else figure <= goal
        found.append({"what": f"{tier} {what}".strip(), "mode": mode, "goal": goal, "figure": figure, "met": met})
    return found


def _short(score: Mapping[str, Any]) -> dict[str, Any]:
    return {key: score[key] for key in ("exact", "any", "fix")}


def _scorer(path: Path) -> Callable[[Callable[[], Scored], Sequence[Row], str], dict[str, Any]]:
    spec = importlib.util.spec_from_file_location("score_incidents", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    dont_write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = dont_write
    run: Callable[[Callable[[], Scored], Sequence[Row], str], dict[str, Any]] = module.run
    return run


if __name__ == "__main__":
    main()
