"""How a node comes to know a fix: a person says so, or a sequence of commands shows it."""

from __future__ import annotations

import shlex
from dataclasses import replace

from meshcore.clock import from_text
from meshcore.healing.exchange import check_skill, tell_skill
from meshcore.healing.node import Node
from meshcore.knowledge.interchange import put
from meshcore.knowledge.learning import CommandRun, learn, parse_fix, recognise
from meshcore.knowledge.signature import read
from meshcore.model import Circumstances, KnownSkill, Skill, SkillState
from meshcore.safety.redact import redact
from meshcore.safety.sanitize import visible

HISTORY = 50


def teach(
    node: Node, error: str, fix: str, *, error_type: str = "", command: str = "", context: str = ""
) -> tuple[KnownSkill, bool]:
    """Store what a person says fixes an error, and queue it for the others; return it and whether it is new.

    Raises BadSkillError for an error text or a fix that makes no skill.
    """
    signature = read(visible(redact(error)), error_type=error_type, command=command)
    action = parse_fix(visible(redact(fix.strip())))
    skill = learn(signature, action, context=visible(redact(context)))
    return _remember(node, skill, source_confirmed=True, source="taught")


def recognise_fix(node: Node, cwd: str) -> KnownSkill | None:
    """Look at the newest commands of a folder: did one of them fix what had failed? Return the skill, None without.

    What is recognised once is unconfirmed; recognised again, for another failure, it is confirmed.
    """
    rows = node.store.commands_in(cwd, HISTORY)
    found = recognise(
        [CommandRun(row.argv, row.cwd, row.exit_code, row.output, from_text(row.at).timestamp()) for row in rows]
    )
    if found is None:
        return None
    signature = read(found.failed.output, command=shlex.join(found.failed.argv))
    skill = learn(signature, found.fix, context=found.evidence, circumstances=Circumstances())
    known, new = _remember(node, skill, source_confirmed=False, source="recognised")
    failed_at = str(found.failed.at)
    mark = f"recognised:{skill.skill_id}"
    seen = node.store.meta(mark)
    if not new and not known.confirmed and seen and seen != failed_at:
        node.store.confirm_skill(skill.skill_id, "second occurrence")
        known = replace(known, confirmed=True, state="active")
        tell_skill(node, known)
    if not seen:
        node.store.set_meta(mark, failed_at)
    return known


def _remember(node: Node, skill: Skill, *, source_confirmed: bool, source: str) -> tuple[KnownSkill, bool]:
    check_skill(skill)
    store, me = node.store, node.identity.node.public
    with store.transaction(durable=True):
        known = store.skill(skill.skill_id)
        if known is not None and known.own_operator:
            if source_confirmed and (not known.confirmed or known.state == "forgotten"):
                store.confirm_skill(skill.skill_id, node.name)
                if known.state == "forgotten":
                    store.set_skill_state(skill.skill_id, "active", node.name, "taught again")
                known = replace(known, confirmed=True, state="active")
                tell_skill(node, known)
            return known, False
        fresh = known is None
        known = put(
            store,
            KnownSkill(
                skill,
                label=known.label if known else 0,
                state="active" if source_confirmed else _unconfirmed(known),
                source="taught" if source == "taught" else "recognised",
                author=me,
                own_operator=True,
                confirmed=source_confirmed,
            ),
        )
        store.add_event(
            "skill.learned",
            skill_id=skill.skill_id,
            data={
                "source": source,
                "line": skill.example_line,
                "command": skill.action.command(),
                "context": skill.context,
            },
        )
        tell_skill(node, known)
    return known, fresh


def _unconfirmed(known: KnownSkill | None) -> SkillState:
    return known.state if known is not None and known.state in ("quarantined", "forgotten") else "unconfirmed"
