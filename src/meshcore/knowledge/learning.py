"""From an error and what fixed it to a skill: which parts of the error matter is told by its fix."""

from __future__ import annotations

import operator
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from meshcore.errors import BadSkillError
from meshcore.knowledge import signature as reading
from meshcore.knowledge.error_line import VAGUE
from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.parts import (
    FORM,
    FORMS,
    NOT_KNOWN,
    STEM,
    TAIL,
    Parts,
    bare_template,
    family,
    form_of,
    key_value,
    mentioned,
    tail_below,
    typed,
)
from meshcore.knowledge.program import program_name
from meshcore.knowledge.recognition import Recognition
from meshcore.knowledge.spelling import plain_spelling
from meshcore.knowledge.text import word_set
from meshcore.model import Action, Circumstances, KeySlot, Signature, Skill, Slot, escape_token

FIRST_FREE_PORT = 32768  # ports from here on are handed out by the system: they name no service


def learn(
    signature: Signature,
    fix: Action,
    *,
    context: str = "",
    circumstances: Circumstances = NOT_KNOWN,
    command: str = "",
    folder: str = "",
) -> Skill:
    """Return the skill that an error and its fix teach.

    Key slots are what a fix cannot do without: names that the action repeats, names that it does not mention
    (presumed to matter), ports of services. A path, number, or word of the command that error and action share
    becomes a reference. A whole path below `folder`, where the fix runs, is a key as it is called from there: it
    is the same file in any checkout. Raises BadSkillError where the error says nothing or the action does nothing.
    """
    fix = _without_rerun(fix, command)
    _check(fix)
    if fix.kind == "advice":
        action: Action = fix
    else:
        action = Action("argv", tuple(tuple(_refer(t, signature, _fetches(step)) for t in step) for step in fix.steps))
    keys = tuple(_key_slots(signature, action, folder))
    check_pattern(signature, keys)
    return Skill(
        signature.version,
        signature.error_type,
        signature.template,
        keys,
        action,
        signature.line,
        signature.slots,
        command,
        context,
        "",
        circumstances,
    )


def taught_by(found: Recognition) -> tuple[Skill, Signature]:
    """Return the skill that a recognised fix teaches, and how its failure was read. Raises BadSkillError."""
    signature = reading.read(found.failed.output, command=shlex.join(found.failed.argv))
    fix = replace(found.fix, steps=tuple(dict.fromkeys(map(plain_spelling, found.fix.steps))))
    return learn(signature, fix, context=found.evidence), signature


def _without_rerun(fix: Action, command: str) -> Action:
    """Return a fix without a last step that is the failed command itself: the rerun is not part of the fix."""
    if len(fix.steps) < 2 or not command:
        return fix
    rerun = parse_fix(command)
    return Action("argv", fix.steps[:-1]) if rerun.steps == fix.steps[-1:] else fix


def confirms(
    skill: Skill, signature: Signature, fix: Action, *, same: Callable[[Action, Action], bool] = operator.eq
) -> bool:
    """Return whether a fix that worked is what the skill would have done for that error, had it been asked."""
    same_type = family(skill.error_type) == family(signature.error_type)
    if not same_type or bare_template(skill.template) != bare_template(signature.template):
        return False
    try:
        return same(skill.action.fill(Parts(signature.slots)), fix)
    except IndexError:
        return False


def reread(skill: Skill) -> Skill:
    """Return a skill of older reading rules as the present ones read it, from its example.

    Raises BadSkillError where the example no longer says enough; the caller then keeps the stored skill as it is.
    """
    try:
        fix = skill.action.fill(Parts(skill.example_slots))
    except IndexError:
        raise BadSkillError(f"skill {skill.skill_id[:12]}: its example lacks a slot; teach it again") from None
    signature = reading.read(skill.example_line, error_type=skill.error_type, command=skill.example_command)
    return learn(
        signature,
        fix,
        context=skill.context,
        circumstances=skill.circumstances,
        command=skill.example_command,
        folder=_taught_in(skill),
    )


def _taught_in(skill: Skill) -> str:
    """Return the folder from which a key slot calls its path, "" where none does."""
    wholes = ((key, skill.example_slots[key.index % FORM].value) for key in skill.key_slots if key.index >= FORM)
    return next((whole.removesuffix(f"/{key.value}") for key, whole in wholes), "")


def _check(fix: Action) -> None:
    if fix.kind == "advice":
        if not fix.text.strip():
            raise BadSkillError("the fix is empty: say which command or advice solved the error")
    elif not fix.steps or not all(step and step[0].strip() for step in fix.steps):
        raise BadSkillError("the fix runs no command: say which command or advice solved the error")


_WORD = re.compile(r"[^\W\d_]{3}")


def check_pattern(signature: Signature, keys: tuple[KeySlot, ...]) -> None:
    """Raise BadSkillError for what would match everything: no word of its own, and no key slot that tells."""
    literal = re.sub(r"<[a-z]{3,10}>", " ", signature.template)
    told = any(_WORD.search(key.value) for key in keys if key.index % FORM < reading.around(signature.template).base)
    if _WORD.search(literal) or (told and signature.error_type.casefold() not in VAGUE):
        return
    if not signature.template and not signature.line:
        raise BadSkillError("the pattern is empty: give the error text that the fix answers")
    raise BadSkillError(
        f"the pattern {signature.line[:60]!r} would match every {signature.error_type}: give a longer text"
    )


_FETCHING = word_set("install add get require pull download i -S")


def _fetches(step: Sequence[str]) -> bool:
    """Tell whether a step gets something from the world: that is known by its name, and another name is another fix."""
    return program_name(step[0]) != "git" and not _FETCHING.isdisjoint(step[1:4])


def _references(signature: Signature, fetched: bool) -> Iterator[tuple[int, str]]:
    """Yield each reference that an action may use, with its value: what the error itself says comes first.

    A name is one where the user typed it, and nothing is fetched by it.
    """
    place = reading.around(signature.template)
    slots = signature.slots[: FORM - 1]
    error = [i for i in range(min(place.base, len(slots))) if _may_refer(slots, place.base, i, fetched)]
    others = [place.script, place.culprit, place.suggestion]
    others += [i for i in range(place.command, len(slots)) if _is_own(slots[i]) or not fetched]
    plain, derived = (0, 1, 2), (3, 4, STEM)
    for forms, indices in ((plain, error), ((0,), others), (derived, error), ((*plain[1:], *derived), others)):
        for form in forms:
            for index in indices:
                value = form_of(slots[index], form) if index < len(slots) else ""
                if value and not value.startswith("-"):
                    yield form * FORM + index, value


def _is_own(slot: Slot) -> bool:
    return slot.kind in ("path", "number", "port", "hex")


def _may_refer(slots: tuple[Slot, ...], base: int, index: int, fetched: bool) -> bool:
    return _is_own(slots[index]) or (not fetched and typed(slots, base, index))


def _refer(token: str, signature: Signature, fetched: bool) -> str:
    """Return a token of the fix with what it shares with the error as references `{n}`."""
    taken: list[tuple[int, int, int]] = []
    for reference, value in _references(signature, fetched):
        if token == value and reference // FORM != STEM:
            return f"{{{reference}}}"
        if _ends_in(value, token):
            depth = token.count("/") - 1
            short = reference < FORM and TAIL + depth < len(FORMS)
            return f"{{{reference + (TAIL + depth) * FORM if short else reference}}}"
        if len(value) < 3 or value not in token:
            continue
        for found in _edges(value, reference // FORM == STEM).finditer(token):
            if all(found.end() <= start or end <= found.start() for start, end, _ in taken):
                taken.append((found.start(), found.end(), reference))
    out, at = [], 0
    for start, end, reference in sorted(taken):
        out += [escape_token(token[at:start]), f"{{{reference}}}"]
        at = end
    return "".join([*out, escape_token(token[at:])])


def _edges(value: str, stem: bool) -> re.Pattern[str]:
    """Return where a value stands within a token: not within a longer word or path, and a stem before a suffix."""
    if stem:
        return re.compile(rf"(?<![\w./-]){re.escape(value)}(?=\.\w)")
    before, after = r"\w./-" if "/" in value else r"\w-", "" if "." in value else r"|\.\w"
    return re.compile(rf"(?:(?<![{before}])|(?<=\\[nt])){re.escape(value)}(?![\w-]{after}|/\w{{0,200}}/)")


def _ends_in(path: str, token: str) -> bool:
    """Tell whether a token is the same file as an absolute path of the error, written from its project's folder."""
    return path.startswith("/") and "/" in token and not token.startswith(("/", "-")) and path.endswith(f"/{token}")


def _key_slots(signature: Signature, action: Action, folder: str) -> Iterator[KeySlot]:
    place = reading.around(signature.template)
    used = {reference % FORM for reference in action.parameters()}
    for index, slot in enumerate(signature.slots[: place.base]):
        if (index not in used or slot.kind == "path") and _is_key(slot, action):
            at = tail_below(folder, slot) * FORM + index if slot.kind == "path" else index
            yield KeySlot(at, slot.kind, key_value(signature.slots, at))
    if place.shape >= len(signature.slots):
        return  # the error is known without a command
    shape = signature.slots[place.shape]
    if any(index >= place.command for index in used) or _repeats_a_value(action, shape.value):
        yield KeySlot(place.shape, shape.kind, shape.value)


def _repeats_a_value(action: Action, shape: str) -> bool:
    """Tell whether a fix gives an option what looks like a subcommand of the command: `-B build` for `ninja -C build`.

    There it may have been what an option is given, too; then another word is another fix.
    """
    verb = shape.split(" ")[1:-1]
    return any(option[:1] == "-" and word in verb for step in action.steps for option, word in pairwise(step))


def _is_key(slot: Slot, action: Action) -> bool:
    if slot.kind in ("identifier", "name", "host"):
        return True
    if slot.kind == "port":
        return not slot.value.isdigit() or int(slot.value) < FIRST_FREE_PORT
    if slot.kind == "path":
        # `cp settings.example.py settings.py`: the action knows the file beyond what a reference can fill in.
        name = slot.value.rstrip("/").rsplit("/", 1)[-1]
        return len(name) > 3 and mentioned(action, name.split(".")[0] or name)
    return slot.kind == "version" and mentioned(action, slot.value)
