"""The row about usefulness: which failures with a verified fix would be healed with exactly that fix, unattended.

The labelled incidents come in file order, as they would on a mesh of one operator. What solved one is learnt, with its
outcome; the next is matched and ruled on by the shipped policy. Beside it every skill of a class is tried on every
other incident of that class, where a wrong command is most likely to look right.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from benchmarks.safety_rows import ABSENT, EVAL, Row, share, skipped
from meshcore.errors import BadSkillError
from meshcore.healing.failing_command import failing
from meshcore.healing.provenance import doubt
from meshcore.knowledge.fixes import parse_fix, spell
from meshcore.knowledge.learning import confirms, learn
from meshcore.knowledge.matching import bucket_of, match
from meshcore.knowledge.signature import read
from meshcore.knowledge.standing import weigh
from meshcore.model import AgentInfo, Circumstances, Incident, Json, KnownSkill, Match, Outcome, Signature, Skill
from meshcore.policy.policy import Policy
from meshcore.policy.question import PolicyVerdict, Question
from meshcore.process.find_program import EXIT_NOT_EXECUTABLE
from meshcore.testing import MemoryIndex

USEFUL = "incidents with a verified fix that are decided `run` with exactly that command: ≥ 60, 0 wrong"
ORDINARY_USER = 1000
LOCK = ".git/index.lock"
Labelled = Mapping[str, Any]


@dataclass
class Tally:
    """What was decided: right and wrong runs, and what stood in the way of the rest."""

    asked: int = 0
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    rest: Counter[str] = field(default_factory=Counter)

    def note(self, row: Labelled, found: Match | None, ruling: PolicyVerdict | None) -> None:
        """Count one decision on an incident whose verified fix is known."""
        self.asked += 1
        if found is None or ruling is None:
            self.rest["nothing known answers it yet"] += 1
            return
        exact = spell(found.action).split() == str(row["resolution"]).split()
        if ruling.decision == "run":
            if exact:
                self.right += 1
            else:
                self.wrong.append(f"{row['id']}: {spell(found.action)} for {row['resolution']}")
        elif not exact:
            self.rest["another command, not run"] += 1
        else:
            self.rest[_needed(row, ruling)] += 1


def _needed(row: Labelled, ruling: PolicyVerdict) -> str:
    """Return what would have to be so for this command to go unattended: a class of errors, its programs, why not."""
    steps = re.split(r"\s*(?:&&|;)\s*", str(row["resolution"]))
    programs = ", then ".join(step.split()[0] for step in steps[:3] if step)
    kind = f"{ruling.action_type} as it stands" if ruling.action_type else "an action type"
    return f"{row['class_id']} ({programs}): {kind}; {ruling.reasons[0][:80]}"


class Operator:
    """What the nodes of one operator know, and what their policy rules."""

    def __init__(self, folder: Path, *, contained: bool) -> None:
        self._index = MemoryIndex()
        self._outcomes: dict[str, list[Outcome]] = defaultdict(list)
        self._buckets: dict[str, set[str]] = defaultdict(set)
        self._policy = Policy.load(None)
        self._folder = folder
        self._contained = contained

    def learn(self, row: Labelled) -> str:
        """Take note that an incident was solved by its resolution; return the skill's id, empty where it makes none."""
        signature, fix = _signature(row), parse_fix(str(row["resolution"]))
        try:
            learnt = learn(signature, fix, command=str(row["command"]))
        except BadSkillError:
            return ""
        bucket = self._buckets[bucket_of(signature.error_type, signature.template)]
        bucket.add(learnt.skill_id)
        if self._index.get(learnt.skill_id) is None:
            self._put(learnt)
        for skill_id in sorted(bucket):
            known = self._index.get(skill_id)
            if known is not None and (skill_id == learnt.skill_id or confirms(known.skill, signature, fix)):
                self._outcomes[skill_id].append(_verified(skill_id, signature, str(row["agent"])))
                self._put(known.skill)
        return learnt.skill_id

    def _put(self, skill: Skill) -> None:
        evidence = weigh(skill, self._outcomes[skill.skill_id])
        self._index.add(KnownSkill(skill, own_operator=True, evidence=evidence))

    def decide(self, row: Labelled) -> tuple[Match | None, PolicyVerdict | None]:
        """Return the best answer to an incident, met in this benchmark's folder, and the ruling on it."""
        row = {**row, "message": _met_in(self._folder, str(row["message"]))}
        signature, exit_code = _signature(row), _exit_code(row)
        found = match(signature, self._index)
        known = self._index.get(found.skill_id) if found else None
        if found is None or known is None:
            return None, None
        incident = Incident(
            incident_id=str(row["id"]),
            opened="",
            agent=AgentInfo(str(row["agent"])),
            argv=_argv(str(row["command"])),
            cwd=str(self._folder),
            exit_code=exit_code,
            signature=signature,
            excerpt=_printed(row),
        )
        self._stage(incident)
        question = Question(incident, known, found, str(self._folder / "venv/bin/python"), project=str(self._folder))
        ruling = self._policy.decide(question, contained=self._contained)
        failed = failing(incident.argv, incident.cwd, {}).one
        where = (failed.argv, failed.cwd) if failed else (incident.argv, incident.cwd)
        if ruling.decision == "run" and (why := doubt(incident, *where)):
            ruling = replace(ruling, decision="approve", reasons=(why,))
        return found, ruling

    def _stage(self, incident: Incident) -> None:
        """Put there what the row says was there: a script that may not be started, a lock that was left behind."""
        argv, lock = incident.argv, self._folder / LOCK
        if incident.exit_code == EXIT_NOT_EXECUTABLE and argv and argv[0].startswith("./"):
            (self._folder / argv[0]).touch(0o644)
        lock.unlink(missing_ok=True)
        if f"'{lock}'" in incident.excerpt:
            lock.touch()
            os.utime(lock, (0, 0))


def _exit_code(row: Labelled) -> int:
    """Return what a shell gives for a program that it cannot start, 1 for every other failure; rows hold no code."""
    command, message = str(row["command"]).split(" ")[0], str(row["message"]).strip()
    if message.endswith(f"{command}: Permission denied"):
        return 126
    return 127 if message.endswith((f"{command}: not found", f"{command}: command not found")) else 1


def _printed(row: Labelled) -> str:
    """Return what the command printed, as if in the folder of this benchmark.

    Rows that hold an error of Python alone had its traceback before it; a script of the row was in its own folder.
    """
    message, argv = str(row["message"]), _argv(str(row["command"]))
    alone = "\n" not in message.strip() and re.match(r"[\w.]+(?:Error|Exception)\b", message)
    called = next((word for word in argv if word.endswith(".py")), argv[0] if argv else "")
    if alone:
        return f'Traceback (most recent call last):\n  File "{called}", line 1, in <module>\n{message}'
    return re.sub(rf'File "/[^"\n]*/{re.escape(called)}"', f'File "{called}"', message) if called else message


def _met_in(folder: Path, message: str) -> str:
    """Return a message whose git speaks of its own lock as git says it in a repository of this folder."""
    return re.sub(rf"'/[^'\n]*/{re.escape(LOCK)}'", f"'{folder / LOCK}'", message)


def _argv(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError:
        return tuple(command.split())


@cache
def _reading(message: str, error_type: str, command: str) -> Signature:
    return read(message, error_type=error_type, command=command)


def _signature(row: Labelled) -> Signature:
    return _reading(str(row["message"]), str(row["error_type"]), str(row["command"]))


def _verified(skill_id: str, signature: Signature, host: str) -> Outcome:
    return Outcome("", "", skill_id, "verified", "", host, host, host, Circumstances(), slots=signature.slots)


def stream(rows: Iterable[Labelled], operator: Operator) -> tuple[Tally, int, list[str]]:
    """Let the incidents come in order; return the tally, how many other incidents would run, and wrong ones of those.

    Other incidents are those without a verified fix: a run there is wrong unless it is a fix of their own class.
    """
    tally, others, wrong = Tally(), 0, []
    classes: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found, ruling = operator.decide(row)
        if row.get("verified") and row["resolution"]:
            tally.note(row, found, ruling)
        elif found is not None and ruling is not None and ruling.decision == "run":
            others += 1
            if not classes[found.skill_id] & {row["class_id"], *row["accept"]}:
                wrong.append(f"{row['id']}: {spell(found.action)} for an error of class {row['class_id']}")
        if row["class_id"] is not None and row["resolution"]:
            classes[operator.learn(row)].add(row["class_id"])
    return tally, others, wrong


def crossed(rows: list[Labelled], folder: Path, *, contained: bool, per_class: int) -> Tally:
    """Try the skill of each of the first incidents of a class on every other incident of the class."""
    tally = Tally()
    classes: dict[str, list[Labelled]] = defaultdict(list)
    for row in rows:
        if row.get("verified") and row["resolution"] and row["class_id"]:
            classes[row["class_id"]].append(row)
    for members in classes.values():
        for teacher in members[:per_class]:
            operator = Operator(folder, contained=contained)
            operator.learn(teacher)
            for row in members:
                if row is not teacher:
                    tally.note(row, *operator.decide(row))
    return tally


def usefulness_rows(quick: bool) -> list[Row]:
    """Measure with the shipped policy, as an ordinary user, in a project with a virtual environment."""
    if not EVAL.is_dir():
        return [skipped(USEFUL, ABSENT)]
    rows = [json.loads(line) for line in (EVAL / "incidents_dev.jsonl").read_text("utf-8").splitlines()]
    with TemporaryDirectory() as name, mock.patch("os.geteuid", return_value=ORDINARY_USER):
        folder = Path(name)
        (folder / "venv/bin").mkdir(parents=True)
        (folder / "venv/pyvenv.cfg").touch()
        (folder / "venv/bin/python").touch()
        (folder / ".git").mkdir()
        (folder / ".git/config").touch()
        tally, others, wrong = stream(rows, Operator(folder, contained=True))
        alone, _, _ = stream(rows, Operator(folder, contained=False))
        cross = crossed(rows, folder, contained=True, per_class=2 if quick else 30)
    wrong = [*tally.wrong, *wrong, *cross.wrong]
    figure: dict[str, Json] = {
        "run": tally.right,
        "of": tally.asked,
        "share": share(tally.right, tally.asked),
        "run_without_bubblewrap": alone.right,
        "wrong": len(wrong),
        "other_incidents_run": others,
        "skills_on_others_of_their_class": {"run": cross.right, "wrong": len(cross.wrong), "of": cross.asked},
        "wrong_ones": wrong[:10],
        "the_rest_needs": dict(tally.rest.most_common()),
    }
    how = (
        "incidents in file order, each learnt once solved, matched and ruled on by the shipped policy; a script that "
        "may not be started, and a lock that was left behind, are there as their rows say"
    )
    return [Row(USEFUL, figure, not wrong and tally.right >= 60, how)]
