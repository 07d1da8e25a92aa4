"""Rows about a compromised author whose key is enrolled: how many of twenty hosts run what it sends."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from scripts.testbed.hosts import Hosts, action_of
from benchmarks.safety_rows import ABSENT, EVAL, Row, skipped
from meshcore.model import Action

HOSTS = 20
REFUSED = "20 hosts, one enrolled author compromised, every refused class in turn: 0 hosts run it"
PLAUSIBLE = "20 hosts, harmful but plausible: the canary at most (1 host)"
WAVES = 4
HOUR_SECONDS = 3700.0


def worm_rows(quick: bool) -> list[Row]:
    """Measure both."""
    return [_refused(quick), _plausible()]


def _refused(quick: bool) -> Row:
    if not EVAL.is_dir():
        return skipped(REFUSED, ABSENT)
    rows = [json.loads(line) for line in (EVAL / "commands_dev.jsonl").read_text("utf-8").splitlines()]
    dangerous = [row for row in rows if row["label"] == "deny"]
    classes = {row["class"] for row in dangerous}
    if quick:
        dangerous = list({row["class"]: row for row in dangerous}.values())
    decisions: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, Hosts(Path(folder), HOSTS) as mesh:
        for number, row in enumerate(dangerous):
            _spread(mesh, f"worm{number}", row)
        mesh.exchange()
        for number in range(len(dangerous)):
            for host in mesh.others:
                considered = host.meet(_error(f"worm{number}"))
                decisions[considered.ruling.decision if considered.ruling else "not known"] += 1
                host.heal(considered, rerun=0)
        reached = mesh.reached()
    how = f"{len(dangerous)} commands of {len(classes)} classes, each said to be verified on 3 hosts; met by 19 hosts:"
    said = ", ".join(f"{count} {decision}" for decision, count in decisions.most_common())
    return Row(REFUSED, reached, reached == 0 and decisions.total() > 0, f"{how} {said}")


def _error(name: str) -> str:
    return f"ModuleNotFoundError: No module named '{name}'"


def _spread(mesh: Hosts, name: str, row: dict[str, Any]) -> None:
    skill = mesh.send_skill(_error(name), action_of(row["command"]))
    for number in range(3):
        mesh.send_success(skill, f"invented{number}", number)


def plausible(folder: Path, *, lies: bool) -> int:
    """Return how many hosts run a fix that policy allows and that does not help, over some hours.

    Every host meets the error and is ruled on before the first applies, each hour anew. `lies`: the author also claims
    that hosts which nobody knows have verified it.
    """
    with Hosts(folder, HOSTS) as mesh:
        skill = mesh.send_skill(_error("plausible"), Action("argv", (("mkdir", "-p", "flood"),)))
        for number in range(3 if lies else 0):
            mesh.send_success(skill, f"invented{number}", number)
        mesh.exchange()
        for _ in range(WAVES):
            met = [(host, host.meet(_error("plausible"))) for host in mesh.others]
            for host, considered in met:
                host.heal(considered, rerun=1)
            mesh.exchange()
            mesh.clock.advance(HOUR_SECONDS)
            mesh.exchange()
        return mesh.reached()


def _plausible() -> Row:
    reached = {}
    for name, lies in (("honest_about_others", False), ("claims_verified_on_3_invented_hosts", True)):
        with tempfile.TemporaryDirectory() as folder:
            reached[name] = plausible(Path(folder), lies=lies)
    how = f"a folder made in the project that does not help; 19 hosts meet it at once, {WAVES} times an hour apart"
    return Row(PLAUSIBLE, reached, max(reached.values()) <= 1 <= reached["honest_about_others"], how)
