"""A known fix in the words that an agent reads: fenced as a suggestion, with its author and standing; 2 kB at most."""

from __future__ import annotations

from meshcore.agents.base import Answer
from meshcore.model import KnownSkill, Match
from meshcore.safety.visible_text import fence, visible

CONTEXT_LIMIT = 2_048  # bytes
_FENCE_LIMIT = 1_536
_COMMAND_LIMIT = 1_000  # characters: a longer command is not shown in part
_LINE_LIMIT = 120
_MESSAGE_LIMIT = 200


def suggestion(known: KnownSkill, match: Match, author: str, note: str = "") -> Answer:
    """Return what is said of a fix that the agent may take; `note` says what it should know beyond that."""
    command = visible(match.action.command(), keep_newlines=False)
    label = f"#{known.label}" if known.label else known.skill_id[:8]
    kind = "fix" if match.action.kind == "argv" else "advice"
    if len(command) > _COMMAND_LIMIT:
        command = f"too long to be shown here; see `meshtui skills show {label.lstrip('#')}`"
    text = f"{kind}: {command}\nfor: {known.skill.example_line[:_LINE_LIMIT]}\nwhy: {match.why[:300]}"
    context = (
        "meshtui: this error is known, and what solved it elsewhere. Judge it before you use it.\n"
        f"{fence(text, author, standing_of(known), _FENCE_LIMIT)}\n"
        f"{note or 'Afterwards run the failed command again: that is what counts.'}"
        f" Wrong for this project? `meshtui skills not-here {label.lstrip('#')}`"
    )
    tried = standing_of(known)
    message = f"meshtui: known {kind} {label}: {command[:_LINE_LIMIT]} ({tried})"
    return Answer(_cut(context, CONTEXT_LIMIT), visible(message, limit=_MESSAGE_LIMIT, keep_newlines=False))


def standing_of(known: KnownSkill) -> str:
    """Return how a skill has fared, in at most 60 characters."""
    evidence = known.evidence
    tries = evidence.verified + evidence.failed
    fared = f"verified {evidence.verified} of {tries}" if tries else "not yet tried"
    doubt = "" if known.confirmed or known.state == "active" else ", unconfirmed"
    hosts = f" on {len(evidence.hosts)} hosts" if len(evidence.hosts) > 1 else ""
    return f"{fared}{hosts}{doubt}"


def _cut(text: str, limit: int) -> str:
    data = text.encode(errors="replace")
    return text if len(data) <= limit else data[: limit - 3].decode(errors="ignore") + "…"
