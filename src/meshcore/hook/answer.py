"""A known fix in the words that an agent reads: fenced as a suggestion, with its author and standing; 2 kB at most."""

from __future__ import annotations

from meshcore.agents.base import Answer
from meshcore.hook.answer_known import CONTEXT_LIMIT, cut, for_a_person, what_is_known
from meshcore.knowledge.parts import never_tried
from meshcore.model import KnownSkill, Match
from meshcore.safety.visible_text import fence, is_untagged, visible

_FENCE_LIMIT = 1_536
_COMMAND_LIMIT = 1_000  # characters: a longer command is not shown in part
_LINE_LIMIT = 120
_MESSAGE_LIMIT = 200


def suggestion(known: KnownSkill, match: Match, author: str, note: str = "") -> Answer:
    """Return what is said of a fix that the agent may take; `note` says what it should know beyond that."""
    label = label_of(known)
    context = (
        f"meshtui: this error is known, and {_claim(known)}. Judge it before you use it.\n"
        f"{report(known, match, author)}\n"
        f"{note or 'Afterwards run the failed command again: that is what counts.'}"
        f" Wrong for this project? `meshtui skills not-here {label.lstrip('#')}`"
    )
    command = visible(match.action.command(), keep_newlines=False)[:_LINE_LIMIT]
    message = f"meshtui: known {_kind(match)} {label}: {command} ({standing_of(known)})"
    return Answer(cut(context, CONTEXT_LIMIT), visible(message, limit=_MESSAGE_LIMIT, keep_newlines=False))


def beside(said: str, answer: Answer, *, person: bool = False) -> Answer:
    """Return an answer with what the project knows of the command in front of it.

    A `person` reads one line: the answer's own, where it has one.
    """
    if not said or (person and answer.message):
        return answer
    if person:
        return for_a_person(said)
    context = f"{what_is_known(said).context}\n{answer.context}" if answer.context else what_is_known(said).context
    return Answer(cut(context, 2 * CONTEXT_LIMIT), answer.message)


def report(known: KnownSkill, match: Match, author: str) -> str:
    """Return a fix, filled in for this error, as an agent reads it: fenced, whatever is in it."""
    command = visible(match.action.command(), keep_newlines=False)
    if len(command) > _COMMAND_LIMIT or not is_untagged(command):
        command = f"cannot be shown here as it is; see `meshtui skills show {label_of(known).lstrip('#')}`"
    text = f"{_kind(match)}: {command}\nfor: {known.skill.example_line[:_LINE_LIMIT]}\nwhy: {match.why[:300]}"
    return fence(text, author, standing_of(known), _FENCE_LIMIT)


def label_of(known: KnownSkill) -> str:
    """Return what a person calls a skill."""
    return f"#{known.label}" if known.label else known.skill_id[:8]


def standing_of(known: KnownSkill) -> str:
    """Return how a skill has fared, in at most 60 characters."""
    evidence = known.evidence
    tries = evidence.verified + evidence.failed
    fared = f"verified {evidence.verified} of {tries}" if tries else "not yet tried"
    doubt = "" if known.confirmed or known.state == "active" else ", unconfirmed"
    hosts = f" on {len(evidence.hosts)} hosts" if len(evidence.hosts) > 1 else ""
    if never_tried(known):
        fared = "derived from another fix, never tried"
    return f"{fared}{hosts}{doubt}"


def _claim(known: KnownSkill) -> str:
    """Return what may be said of a fix: that it solved something only where it was seen to."""
    if known.evidence.verified:
        return "this solved it before"
    if known.evidence.failed:
        return "this was tried and has not solved it so far"
    if known.source == "pack":
        return "a fix of it is known in general, not from here; nobody has tried it here yet"
    if never_tried(known):
        return "this is derived from a fix of another error and was never tried"
    return "this is said to solve it; nobody has seen it do so yet"


def _kind(match: Match) -> str:
    return "fix" if match.action.kind == "argv" else "advice"
