"""What came of a try: verified, failed, got further, or never really made; and what kept it from being made.

Counted against a skill is only what it did not mend: the command meets the very same error again, or the fix itself
fails for a reason of its own. Where it is not clear which, nothing is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshcore.healing.executor import ApplyResult
from meshcore.healing.obstacles import obstacle
from meshcore.knowledge.parts import FORM
from meshcore.knowledge.signature import around
from meshcore.model import Incident, Signature, Skill, StepResult, TryResult

_ENDED_FROM_OUTSIDE = frozenset(
    {124, 129, 130, 137, 143}
)  # timeout(1), and SIGHUP, SIGINT, SIGKILL, SIGTERM of a shell
_MATTER = frozenset({"name", "identifier"})


@dataclass(frozen=True, slots=True)
class Again:
    """What the failed command did when it was run again; `failure` is what it met then, None where it passed."""

    step: StepResult
    failure: Incident | None = None


def came_of(
    incident: Incident, skill: Skill, applied: ApplyResult, again: Again | None, environment: Mapping[str, str]
) -> tuple[TryResult, str]:
    """Return the result of a try, and why in words where it was not made, "" elsewhere."""
    if applied.waits or (applied.stopped and not applied.steps):
        return "refused", applied.waits or applied.stopped
    if applied.stopped:
        return "not_applied", applied.stopped
    last = applied.steps[-1] if applied.steps else None
    if last is not None and last.exit_code != 0:
        why = obstacle(last, environment)
        return ("not_applied", why) if why else ("fix_failed", "")
    if again is None:
        return "applied_not_rerun", ""
    if again.step.exit_code == 0:
        return "verified", ""
    after = again.failure.signature if again.failure else incident.signature
    if is_same_failure(incident.signature, after, skill):
        return "fix_failed", ""
    if again.step.exit_code in _ENDED_FROM_OUTSIDE or not after.line:
        return "unknown", "it was run again, and ended before it said what is wrong"
    return "progress", ""


def is_same_failure(before: Signature, after: Signature, skill: Skill) -> bool:
    """Tell whether a command met the error again that a skill was to mend.

    What the fix names must be the same, and every other name; a number, a path or a host may differ from run to run.
    """
    if (before.error_type, before.template) != (after.error_type, after.template):
        return False
    named = {slot.index % FORM for slot in skill.key_slots} | {
        reference % FORM for reference in skill.action.parameters()
    }
    pairs = list(zip(before.slots, after.slots, strict=False))[: around(before.template).base]
    return all(
        one.value == other.value or (at not in named and one.kind not in _MATTER)
        for at, (one, other) in enumerate(pairs)
    )
