"""Twenty cases that miss each missed goal, and what each would need: `python -m benchmarks.missed SCORER` prints JSON.

SCORER is the scorer of recorded sessions (no part of this repository). A case is a failure without an answer of which
the session itself shows one: a command that passed later and that, had it been told, the scorer would count. `needs`
is told by rule from the two commands. Of the hook's cost the cases are the modules that take longest to load.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.adapters import make_sessions
from benchmarks.hook import PACKAGE, payload
from benchmarks.left_out import RIGHT, scorer_at
from meshcore.knowledge.acts import acts, edits, writes
from meshcore.knowledge.corrections import correction_between
from meshcore.knowledge.shell_words import words_and_operators
from meshcore.knowledge.typed import read_typed, verb_of

CASES = 20
_IMPORTED = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| \s*(\S+)")


def needs(failed: str, passed: str, line: str) -> str:
    """Return in words what would have to be known for a command to be told after a failure."""
    if "timed out" in line:
        return "nothing that may be told: it ran out of time, and what passed asked for less"
    if "<<" in failed or "<<" in passed or edits(("sh", "-c", passed)) or writes(words_and_operators(passed)):
        return "an edit: what passed writes files, which is the agent's own work"
    before, after = read_typed(failed, "/"), read_typed(passed, "/")
    if not before.words or not after.words:
        return "nothing that may be told: the command is too long to be remembered"
    if correction_between(before, after, line) is not None:
        return "a second session: one alone is not believed, and nothing on the machine shows it"
    programs = {part[0] for part in before.parts}, {part[0] for part in after.parts}
    if programs[0] & programs[1]:
        same = {verb_of(part) for part in before.parts} & {verb_of(part) for part in after.parts}
        return (
            "nothing that may be told: another target, fewer tests or another question"
            if same
            else "nothing that may be told: another task of the same program"
        )
    if acts(("sh", "-c", passed)):
        return "a fix that was seen twice, or knowledge that comes with the product"
    return "an edit: what passed only runs what the session wrote in between"


def unanswered(scorer: ModuleType, sessions: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the failures of a set that were not answered and for which a later command would have counted."""
    record = scorer.drive(sessions, name, make_sessions)
    answered = {(said["sid"], said["n"]) for said in record["advice"] if said["command"]}
    facts, shell = scorer.read_set(sessions, name)
    found = []
    for (sid, index), fact in facts.items():
        if not fact["failed"] or (sid, index) in answered:
            continue
        later = shell[sid][fact["i"] + 1 : fact["i"] + 1 + scorer.WITHIN]
        for other in later:
            short = other["passed"] and len(other["cmd"]) <= 300
            if short and scorer.judge_advice(fact, other["cmd"], later)[0] in RIGHT:
                need = needs(fact["cmd"], other["cmd"], fact["line"])
                case = {"session": sid, "index": index, "failed": fact["cmd"][:200], "line": fact["line"][:120]}
                found.append({**case, "passed": other["cmd"][:200], "needs": need})
                break
    return found


def some(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return twenty cases, of as many kinds as there are."""
    seen: Counter[str] = Counter()
    ranked: list[tuple[int, int, dict[str, Any]]] = []
    for case in cases:
        seen[case["line"]] += 1
        ranked.append((seen[case["line"]], len(ranked), case))
    return [case for _, _, case in sorted(ranked, key=lambda row: row[:2])[:CASES]]


def slowest_modules() -> list[dict[str, Any]]:
    """Return the modules that take a hook longest after a failure, the quickest of eight runs each."""
    best: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "MESHTUI_HOME": f"{folder}/home"}
        command = [sys.executable, "-X", "importtime", "-I", "-S", str(PACKAGE / "hookstart.py"), "claude-code"]
        for number in range(10):
            said = payload(number, "ValueError: odd", shlex.join(["make", f"a{number}"]))
            done = subprocess.run(command, input=said, env=environment, capture_output=True, check=False)
            for taken, name in _IMPORTED.findall(done.stderr.decode()) if number > 1 else ():
                best[name] = min(best.get(name, 1 << 30), int(taken))
    slowest = sorted(best.items(), key=lambda pair: -pair[1])[:CASES]
    need = "not to be loaded, or fewer classes in it"
    return [{"module": name, "microseconds": taken, "needs": need} for name, taken in slowest]


def main() -> None:
    """Print the cases as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scorer", type=Path, metavar="SCORER")
    parser.add_argument("--data", type=Path, help="default: sessions_dev.jsonl.gz beside the scorer")
    options = parser.parse_args()
    scorer = scorer_at(options.scorer)
    sessions = scorer.load(options.data or options.scorer.parent / "sessions_dev.jsonl.gz")
    report: dict[str, Any] = {}
    for name in ("swe", "tb"):
        cases = unanswered(scorer, [session for session in sessions if session["set"] == name], name)
        kinds = Counter(case["needs"] for case in cases)
        counts = {"unanswered": len(cases), "needs": dict(kinds.most_common())}
        report[f"answers, {name}"] = {**counts, "cases": some(cases)}
    report["hook after a failure"] = {"cases": slowest_modules()}
    print(json.dumps(report, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
