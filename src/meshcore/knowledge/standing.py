"""What tries show of a skill: outcomes counted per host, slots relaxed by other values."""

from __future__ import annotations

from collections.abc import Iterable

from meshcore.knowledge.parts import FORM
from meshcore.model import Circumstances, Evidence, Outcome, Skill

RELAX_TYPED = 2  # different verified values after which a word that the user typed is known not to matter
RELAX = 3  # the same for any other name
_Z = 1.959964  # 95 %


def standing(evidence: Evidence, weight: float = 1.0) -> float:
    """Return the Wilson lower bound (95 %) of the share of tries that were verified, 0 where there were none.

    Old tries count for less: each for `weight` of one (see `knowledge.ageing`).
    """
    n = evidence.tries * weight
    if n == 0:
        return 0.0
    p, z2 = evidence.successes / evidence.tries, _Z * _Z
    spread = _Z * float(((p * (1 - p) + z2 / (4 * n)) / n) ** 0.5)
    return max(0.0, (p + z2 / (2 * n) - spread) / (1 + z2 / n))


def weigh(skill: Skill, outcomes: Iterable[Outcome]) -> Evidence:
    """Count a skill's outcomes: one success or failure per host and circumstances, values and slots over all.

    A slot is relaxed once enough different values were verified and none but the skill's own failed.
    """
    good: set[tuple[str, Circumstances]] = set()
    bad: set[tuple[str, Circumstances]] = set()
    values: dict[int, set[str]] = {}
    failed_values: dict[int, set[str]] = {}
    own = {key.index: key.value for key in skill.key_slots}
    open_slots = set(own) | {reference % FORM for reference in skill.action.parameters()}
    for outcome in outcomes:
        verified = outcome.result == "verified"
        if not verified and outcome.result != "fix_failed":
            continue
        (good if verified else bad).add((outcome.host, outcome.circumstances))
        seen = values if verified else failed_values
        for index in open_slots:
            if index < len(outcome.slots) and outcome.slots[index].value:
                seen.setdefault(index, set()).add(outcome.slots[index].value)
    relaxed = set()
    for index, value in own.items():
        known = values.get(index, set()) | {value}
        if len(known) >= _needed(skill, index) and not failed_values.get(index, set()) - {value}:
            relaxed.add(index)
    for index, found in values.items():
        found -= failed_values.get(index, set())
    return Evidence(
        verified=len({host for host, _ in good}),
        failed=len({host for host, _ in bad}),
        hosts=frozenset(host for host, _ in good | bad),
        relaxed=frozenset(relaxed),
        values={index: frozenset(found) for index, found in values.items() if found},
        verified_in=_counted(good),
        failed_in=_counted(bad),
    )


def _counted(seen: set[tuple[str, Circumstances]]) -> dict[Circumstances, int]:
    found: dict[Circumstances, int] = {}
    for _, where in seen:
        found[where] = found.get(where, 0) + 1
    return found


def _needed(skill: Skill, index: int) -> int:
    from meshcore.knowledge.signature import around

    place = around(skill.template)
    value = next((key.value for key in skill.key_slots if key.index == index), "")
    typed = skill.example_slots[place.command :]
    return RELAX_TYPED if any(slot.value == value for slot in typed) else RELAX
