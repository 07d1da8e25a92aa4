"""A known fix in the words that an agent reads: 600 characters, fenced as a suggestion, with author and standing."""

from __future__ import annotations

from meshcore.agents.base import Answer
from meshcore.hook.answer_known import cut, for_a_person, what_is_known
from meshcore.knowledge.ageing import said
from meshcore.knowledge.parts import never_tried
from meshcore.model import KnownSkill, Match
from meshcore.safety.visible_text import fence, is_untagged, plain_name, visible
from meshcore.store.store import Store

LIMIT = 600  # characters of all that is said of a failure
_FENCE_LIMIT = 1_536
_COMMAND_LIMIT = 240  # characters: a longer command is not shown in part
_LINE_LIMIT = 120
_MESSAGE_LIMIT = 200


def suggestion(
    known: KnownSkill, match: Match, author: str, note: str = "", *, now: str, me: str = "", confirmed_by: str = ""
) -> Answer:
    """Return what is said of a fix that the agent may take; `note` says what it should know beyond that.

    `now` is the time, `me` the agent that is told, `confirmed_by` who stands behind the fix. What does not fit is why
    it matched, then the error that it was learnt from.
    """
    label, by = label_of(known), f"; confirmed by {confirmed_by}" if confirmed_by else ""
    head = f"meshtui: this error is known, and {_claim(known)}{by}. Judge it before you use it.\n"
    tail = (
        f"\n{note or 'Afterwards run the failed command again: that is what counts.'}"
        f" Wrong for this project? `meshtui skills not-here {label.lstrip('#')}`"
    )
    for why in (True, False):
        context = f"{head}{report(known, match, author, now=now, me=me, why=why)}{tail}"
        if len(context) <= LIMIT:
            break
    else:
        context = f"{head}{report(known, match, author, now=now, me=me, why=False, line=False)}\n{tail.strip()}"
    command = visible(match.action.command(), keep_newlines=False)[:_LINE_LIMIT]
    message = f"meshtui: known {_kind(match)} {label}: {command} ({standing_of(known, now)})"
    return Answer(context, visible(message, limit=_MESSAGE_LIMIT, keep_newlines=False))


def left_to_person(known: KnownSkill, match: Match, author: str, approval_id: str, *, now: str) -> Answer:
    """Return what is said of a fix that waits for a person, as the approval of this id."""
    command = visible(match.action.command(), limit=300, keep_newlines=False)
    return Answer(
        "meshtui: this error is known; its fix waits until a person approves it. Leave it to them.\n"
        f"{report(known, match, author, now=now)}",
        f"meshtui: known fix waits for you: {command}  (meshtui approvals approve {approval_id[:6]})",
    )


def beside(said: str, answer: Answer, *, person: bool = False) -> Answer:
    """Return an answer with what the project knows of the command: nothing is dropped that was noted as told.

    A `person` reads one line.
    """
    if not said:
        return answer
    if person:
        both = "; ".join(filter(None, (answer.message, said.replace("\n", " "))))
        return for_a_person(both.removeprefix("meshtui: "))
    known = what_is_known(said).context
    return Answer(cut("\n".join(filter(None, (known, answer.context))), 4 * LIMIT), answer.message)


def room_beside(answer: Answer) -> int:
    """Return how many characters are left for what the project knows: a fix is worth more than the fact."""
    return LIMIT - 1 - len(answer.context) if answer.context else 4 * LIMIT


def report(
    known: KnownSkill, match: Match, author: str, *, now: str, me: str = "", why: bool = True, line: bool = True
) -> str:
    """Return a fix, filled in for this error, as an agent (`me`) reads it: fenced, whatever is in it."""
    command = visible(match.action.command(), keep_newlines=False)
    if len(command) > _COMMAND_LIMIT or not is_untagged(command):
        command = f"cannot be shown here as it is; see `meshtui skills show {label_of(known).lstrip('#')}`"
    text = f"{_kind(match)}: {command}"
    text += f"\nfor: {known.skill.example_line[:_LINE_LIMIT]}" if line else ""
    text += f"\nwhy: {match.why[:300]}" if why else ""
    return fence(text, author, standing_of(known, now), _FENCE_LIMIT, _whose(known, author, me))


def _whose(known: KnownSkill, author: str, me: str) -> str:
    """Return whose word a fix is: another agent's only where it was one."""
    if known.source == "pack":
        return "general knowledge"
    if not known.own_operator:
        return "another operator" if known.author else "nobody known"
    if author == me:
        return "your own earlier session"
    return {"taught": "a person", "imported": "past sessions", "derived": "meshtui"}.get(known.source, "another agent")


def confirmed_by(store: Store, known: KnownSkill) -> str:
    """Return who stands behind a fix in plain words, "" where nobody is known to."""
    who = store.skills.confirmed_by(known.skill_id) if known.confirmed else ""
    if who == "second occurrence" or who.startswith("seen "):
        return "being seen again elsewhere"
    row = store.authors.get(who) if who else None
    return plain_name((row.name or who[:12]) if row is not None else who) if who else ""


def label_of(known: KnownSkill) -> str:
    """Return what a person calls a skill."""
    return f"#{known.label}" if known.label else known.skill_id[:8]


def standing_of(known: KnownSkill, now: str) -> str:
    """Return how a skill has fared, and how long ago where that is long, in at most 100 characters."""
    evidence = known.evidence
    tries = evidence.verified + evidence.failed
    fared = f"verified {evidence.verified} of {tries}" if tries else "not yet tried"
    doubt = "" if known.confirmed or known.state == "active" else ", unconfirmed"
    hosts = f" on {len(evidence.hosts)} hosts" if len(evidence.hosts) > 1 else ""
    if never_tried(known):
        fared = "derived from another fix, never tried"
    age = said(known, now)
    return f"{fared}{hosts}{doubt}{f', {age}' if age else ''}"


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
