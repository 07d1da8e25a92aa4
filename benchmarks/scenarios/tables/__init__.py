"""The scenarios, one module for each field; `UNSEEN` is the third that was not looked at while the mesh was mended."""

from __future__ import annotations

from benchmarks.scenarios.scenario import Scenario
from benchmarks.scenarios.tables import agents, javascript, machine, python, unseen, version_control

SEEN: tuple[Scenario, ...] = (*python.SEEN, *agents.SEEN, *javascript.SEEN, *version_control.SEEN, *machine.SEEN)
UNSEEN: tuple[Scenario, ...] = unseen.UNSEEN
