"""The scenarios, one module for each field, and those that were written later than the mesh was mended for."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.scenarios.scenario import Scenario
from benchmarks.scenarios.tables import (
    agents,
    everyday,
    first_look,
    javascript,
    last_look,
    machine,
    ordinary,
    python,
    third,
    unseen,
    version_control,
)

SETS: Mapping[str, tuple[Scenario, ...]] = {
    "developed": (*python.SEEN, *agents.SEEN, *javascript.SEEN, *version_control.SEEN, *machine.SEEN),
    "unseen": unseen.UNSEEN,  # not looked at before version 0.2 was mended with the first set
    "first-look": first_look.FIRST_LOOK,  # written before their first run, then mended with
    "last-look": last_look.LAST_LOOK,  # written at the same time, played when all was mended
    "everyday": everyday.KNOWN,  # a half by chance, mended with
    "everyday-unseen": everyday.UNSEEN,  # the other half, played when all was mended
    "third": third.KNOWN,  # a half by chance of those stated later, mended with
    "third-unseen": third.UNSEEN,  # the other half, played when all was mended
    "ordinary": ordinary.ORDINARY,  # written with the actions that they need, before their first run
}
"""What was known of the scenarios when the mesh was mended, by the name that `--set` takes."""
