"""Which known skill answers an error, here, and with what filled in.

A skill is found by hashed keys: type and template name a bucket; in a bucket, the skills with the same key slots form
a shape, and type, template and key values hash to one key. So a lookup is a few probes of a B-tree, however many
skills there are. Each skill also stands under a key per key slot that leaves the slot out: a loose one where the slot
may be an accident of the instance (that is how likely answers are found), else one that only serves to see that the
slot tells skills apart.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from meshcore.knowledge.ageing import weight
from meshcore.knowledge.command import plain_shape, plain_words, words_of
from meshcore.knowledge.filling import (
    as_typed,
    elsewhere,
    in_another_place,
    keys_from,
    not_there,
    of_its_instance,
    safe,
    unproven,
)
from meshcore.knowledge.kindred import SHORT_WORD, hashed, kindred_keys, moved
from meshcore.knowledge.parts import (
    FORM,
    NOT_KNOWN,
    Parts,
    bare_template,
    family,
    is_general,
    is_typed,
    key_value,
    mentioned,
    names_nothing,
    never_tried,
    typed_in_part,
)
from meshcore.knowledge.signature import around, kind_of
from meshcore.knowledge.standing import standing
from meshcore.model import Circumstances, KnownSkill, Match, Signature, Skill, Slot, Tier

KEYS = 4  # the version of the keys that index_entry gives
MAX_SHAPES = 32  # looked at in one bucket
MAX_CANDIDATES = 24
MAX_NEAR = 8  # of those that agree but for one slot: two that disagree are enough to see that it matters
MAX_VALUES = 16  # verified values of one slot under which a skill is also found
EXACT_SCORE = 0.9  # of 1, for an answer without a doubt that was not yet tried
LIKELY_SCORE = 0.6  # for an answer with doubts
STANDING_WEIGHT = 0.1  # what outcomes can add
ACCEPTED_COST = 0.05  # for each key slot that holds another value, verified before
RELAXED_COST = 0.1  # for each key slot that holds a new value, where the slot was seen not to matter
DIFFERENT_COST = 0.15  # for a key slot that holds a new value
_NOISE = frozenset({"path", "number", "hex", "version"})
_WORD = re.compile(r"(?<![<\w])[^\W\d_]{3,}(?![>\w])")


class IndexEntry(NamedTuple):
    """Under what a skill is found: its bucket, which of its slots are key, and its hashed keys, the exact one first."""

    bucket: str
    shape: str
    keys: tuple[str, ...]


class SkillSource(Protocol):
    """Where skills are looked up. Each look is one indexed query."""

    def now(self) -> str:
        """Return the time, by which what is old counts less; "" where nothing ages."""
        ...

    def shapes(self, bucket: str) -> Sequence[str]:
        """Return the distinct shapes stored in a bucket."""
        ...

    def lookup(self, keys: Sequence[str], limit: int) -> Sequence[KnownSkill]:
        """Return at most `limit` different skills that stand under any of the keys."""
        ...


def _key(mark: str, bucket: str, pairs: Sequence[tuple[int, str]]) -> str:
    return hashed(mark, bucket, *(f"{index}={value}" for index, value in pairs))


def bucket_of(error_type: str, template: str) -> str:
    """Return the bucket of errors of one type and template."""
    return hashed(family(error_type), bare_template(template))


def index_entry(known: KnownSkill) -> IndexEntry:
    """Return under what the store files a skill; to be renewed whenever its evidence changes."""
    skill, evidence = known.skill, known.evidence
    bucket = bucket_of(skill.error_type, skill.template)
    at = around(skill.template).shape
    keys = [
        (k.index, plain_shape(k.value) if k.index == at else k.value)
        for k in skill.key_slots
        if k.index not in evidence.relaxed
    ]
    shape = ",".join(str(index) for index, _ in keys)
    found = {_key("=", bucket, keys): None}
    for index, _ in keys:
        for value in sorted(evidence.values.get(index, ()))[:MAX_VALUES]:
            found[_key("=", bucket, [(i, value if i == index else v) for i, v in keys])] = None
    for index, _ in keys:
        mark = "~" if _may_differ(skill, index) else "!"
        found[_key(mark, bucket, [pair for pair in keys if pair[0] != index])] = None
    if wording := _wording(skill.template, skill.example_slots):
        found[wording] = None
    found.update(dict.fromkeys(kindred_keys(skill.error_type, skill.template, skill.example_line)))
    return IndexEntry(bucket, shape, tuple(found))


def _wording(template: str, slots: Sequence[Slot]) -> str:
    """Return the key of a telling line whoever says it, "" where it is too short to mean the same from two programs."""
    if len(_WORD.findall(template)) < 3:
        return ""
    names = (slot.value for slot in slots[: around(template).base] if slot.kind not in _NOISE)
    return hashed("^", bare_template(template), *names)


class _Here(NamedTuple):
    """Where an error was met: the circumstances, the folder in which the command ran, and when ("": not known)."""

    circumstances: Circumstances
    folder: str
    now: str


def match(signature: Signature, source: SkillSource, circumstances: Circumstances = NOT_KNOWN) -> Match | None:
    """Return the best answer to an error, None where nothing answers it well enough."""
    found = matches(signature, source, circumstances, 1)
    return found[0] if found else None


def matches(
    signature: Signature,
    source: SkillSource,
    circumstances: Circumstances = NOT_KNOWN,
    limit: int = 5,
    *,
    folder: str = "",
) -> list[Match]:
    """Return the answers to an error, best first, those that contradict each other included.

    `folder` is where the failed command ran: a path that is told from there must be the one that the error names.
    """
    here = _Here(circumstances, folder, source.now())
    bucket = bucket_of(signature.error_type, signature.template)
    shapes = [_indices(shape) for shape in source.shapes(bucket)[:MAX_SHAPES]]
    slots = signature.slots
    rows = [[(i, key_value(slots, i)) for i in row] for row in shapes if all(i % FORM < len(slots) for i in row)]
    exact = [_key("=", bucket, pairs) for pairs in rows]
    candidates = list(source.lookup(exact, MAX_CANDIDATES)) if exact else []
    contrast: Sequence[KnownSkill] = candidates
    if any(known.evidence.relaxed for known in candidates):
        others = [*_without_each("!", bucket, rows), *_without_each("~", bucket, rows)]
        contrast = [*candidates, *source.lookup(others, MAX_NEAR)]
    answers, near = _judge(candidates, contrast, signature, here), list[KnownSkill]()
    if limit > 1 or not answers or answers[0].tier != "exact":
        loose = _without_each("~", bucket, rows)
        if wording := _wording(signature.template, signature.slots):
            loose.append(wording)
        there = {answer.skill_id for answer in answers}
        near = list(source.lookup(loose, MAX_NEAR)) if loose else []
        answers += [a for a in _judge(near, [*contrast, *near], signature, here) if a.skill_id not in there]
        if not answers:
            kin = kindred_keys(signature.error_type, signature.template, signature.line)
            near = list(source.lookup(kin, MAX_NEAR)) if kin else []
            answers = _kin(near, signature, here)
        answers.sort(key=_rank)
    return _with_contradictions(_once_each(answers, [*contrast, *near]))[:limit]


def _kin(found: Sequence[KnownSkill], signature: Signature, here: _Here) -> list[Match]:
    """Return likely answers from errors in other words; none where what was found disagrees on what to do."""
    bucket, answers = bucket_of(signature.error_type, signature.template), []
    for known in found:
        if bucket_of(known.skill.error_type, known.skill.template) == bucket:
            continue  # in the same words it was found to differ
        as_here = moved(known.skill, signature)
        if as_here is None or known.state in ("quarantined", "forgotten"):
            continue
        own = dataclasses.replace(known, skill=as_here)
        answer = _answer(own, (), signature, here)
        if answer is not None:
            so = " and" if "; but " in answer.why else "; but"
            why = f"{answer.why}{so} it was learnt from an error in other words: {known.skill.example_line[:80]!r}"
            score = round(LIKELY_SCORE - DIFFERENT_COST, 4)
            answers.append(dataclasses.replace(answer, skill_id=known.skill_id, tier="likely", score=score, why=why))
    return sorted(answers, key=_rank) if len({answer.action for answer in answers}) == 1 else []


def _once_each(answers: list[Match], known: Sequence[KnownSkill]) -> list[Match]:
    """Return the answers, ranked; of several spellings of one fix the one that own nodes stand behind."""
    every = {one.skill_id: one for one in known}
    found: dict[tuple[str, str], Match] = {}
    for answer in answers:
        one = every[answer.skill_id]
        same = answer.tier == "exact" and is_typed(one.action_key)
        key = (bare_template(one.skill.template), one.action_key) if same else (answer.skill_id, "")
        before = every[found[key].skill_id] if key in found else None
        if before is None or (one.own_operator, one.confirmed) > (before.own_operator, before.confirmed):
            found[key] = answer
    return list(found.values())


def _with_contradictions(answers: list[Match]) -> list[Match]:
    """Return the answers, ranked; where exact ones contradict each other, each says so, and a tie is for a person."""
    exact = [answer for answer in answers if answer.tier == "exact"]
    if len({answer.action for answer in exact}) < 2:
        return answers
    tie = exact[0].score == next(a.score for a in exact if a.action != exact[0].action)
    said = []
    for answer in exact:
        other = next(a for a in exact if a.action != answer.action)
        why = f"{answer.why}; another known fix contradicts it: `{other.action.command()}`"
        said.append(dataclasses.replace(answer, why=why, tier="likely" if tie else answer.tier))
    return said + [answer for answer in answers if answer.tier != "exact"]


def _without_each(mark: str, bucket: str, rows: Sequence[Sequence[tuple[int, str]]]) -> list[str]:
    """Return, for each row of key slots, the keys that leave one of them out."""
    return [_key(mark, bucket, [pair for pair in row if pair[0] != index]) for row in rows for index, _ in row]


def _rank(answer: Match) -> tuple[bool, float, str]:
    return answer.tier != "exact", -answer.score, answer.skill_id


@functools.lru_cache(maxsize=1024)
def _indices(shape: str) -> tuple[int, ...]:
    return tuple(int(part) for part in shape.split(",") if part)


class _Fit(NamedTuple):
    """How a skill fits a signature: which key slots differ, which are open, in words."""

    differs: tuple[int, ...]
    accepted: tuple[int, ...]
    relaxed: tuple[int, ...]


def _fit(known: KnownSkill, signature: Signature) -> _Fit:
    differs, accepted, relaxed = [], [], []
    at = around(known.skill.template).shape
    for key in known.skill.key_slots:
        value, own = key_value(signature.slots, key.index), plain_shape(key.value) if key.index == at else key.value
        if value == own:
            continue
        if value in known.evidence.values.get(key.index, ()):
            accepted.append(key.index)
        elif key.index in known.evidence.relaxed:
            relaxed.append(key.index)
        else:
            differs.append(key.index)
    return _Fit(tuple(differs), tuple(accepted), tuple(relaxed))


def _judge(
    candidates: Sequence[KnownSkill],
    neighbours: Sequence[KnownSkill],
    signature: Signature,
    here: _Here,
) -> list[Match]:
    found = []
    for known in candidates:
        if known.state not in ("quarantined", "forgotten"):
            answer = _answer(known, neighbours, signature, here)
            if answer is not None:
                found.append(answer)
    return sorted(found, key=_rank)


def _answer(known: KnownSkill, neighbours: Sequence[KnownSkill], signature: Signature, here: _Here) -> Match | None:
    skill = known.skill
    if skill.signature_version != signature.version and looks_around(skill):
        return None  # by other rules its surroundings stand elsewhere
    fit = _fit(known, signature)
    if len(fit.differs) > 1 or not keys_from(skill, signature, here.folder):
        return None
    action = skill.action
    literal = not any("{" in token or "}" in token for step in action.steps for token in step)
    parameters = frozenset[int]() if literal else action.parameters()
    if parameters:
        if not safe(action, parameters, signature) or not as_typed(skill, parameters, signature):
            return None
        action = action.fill(Parts(signature.slots))
    elif not literal:
        action = action.fill(signature.slots)
    doubts: list[str] = []
    if fit.differs and not _may_differ(skill, fit.differs[0]):
        return None
    for index in fit.differs:
        what = "the command " if index == around(skill.template).shape else ""
        own, this = (
            plain_words(text) if what else repr(text) for text in (_own(skill, index), signature.slots[index].value)
        )
        doubts.append(f"it was learnt for {what}{own}, and this is {this}")
    if family(skill.error_type) != family(signature.error_type):
        doubts.append(f"it was learnt from {skill.error_type}")
    for index in (*fit.relaxed, *fit.differs):
        if _discriminates(index, known, neighbours):
            return None
    doubts += unproven(known, parameters, signature)
    doubts += elsewhere(parameters, signature, here.folder)
    doubts += in_another_place(skill, parameters, signature) + of_its_instance(known)
    if not skill.key_slots and len(SHORT_WORD.findall(skill.template)) < 2:
        doubts.append("the error itself says very little")
    if known.state == "unconfirmed" or (is_general(skill) and not known.confirmed):
        doubts.append("nobody has confirmed it yet")
    if known.evidence.failed > known.evidence.verified:
        doubts.append(f"it failed on {known.evidence.failed} hosts and worked on {known.evidence.verified}")
    gate = not_there(known, here.circumstances)
    if gate == "no":
        return None
    if gate:
        doubts.append(gate)
    tier: Tier = "likely" if doubts else "exact"
    stands = standing(known.evidence, weight(known.last_good, here.now)) if known.evidence.tries else 0.0
    score = (LIKELY_SCORE if doubts else EXACT_SCORE) + STANDING_WEIGHT * stands
    score -= ACCEPTED_COST * len(fit.accepted) + RELAXED_COST * len(fit.relaxed) + DIFFERENT_COST * len(fit.differs)
    return Match(known.skill_id, tier, round(score, 4), action, _why(known, signature, fit, doubts))


def looks_around(skill: Skill) -> bool:
    """Return whether a skill asks for, or refers to, what surrounds an error."""
    indices = {key.index % FORM for key in skill.key_slots} | {n % FORM for n in skill.action.parameters()}
    return max(indices, default=0) >= around(skill.template).base


def _own(skill: Skill, index: int) -> str:
    return next(key.value for key in skill.key_slots if key.index == index)


def _may_differ(skill: Skill, index: int) -> bool:
    """Return whether a key slot may be an accident of the instance, so that another value is a likely match.

    So it is for the shape of the command, for a word that the user typed and the fix does not repeat, where the tool
    itself suggests the right word, where the fix names nothing in particular, and for a name beside others that the
    fix repeats.
    """
    place = around(skill.template)
    own, slots = _own(skill, index), skill.example_slots
    if index >= place.base:
        return index < FORM
    if place.suggestion in {reference % FORM for reference in skill.action.parameters()}:
        return True
    is_port = slots[index : index + 1] and slots[index].kind == "port"
    if is_port or own.startswith("-") or mentioned(skill.action, own) or _respells(skill):
        return False
    if index < len(slots) and typed_in_part(slots, place.base, index):
        return True
    if names_nothing(skill.action):
        return True
    return any(mentioned(skill.action, k.value) for k in skill.key_slots if k.index not in (index, place.shape))


def _respells(skill: Skill) -> bool:
    """Return whether the fix is the failed command with one word put right: it says nothing about other words."""
    meant = words_of(skill.example_command)
    try:
        step = skill.action.fill(Parts(skill.example_slots)).steps[-1]
    except IndexError:
        return False
    return len(meant) == len(step) and sum(a != b for a, b in zip(meant, step, strict=True)) == 1


def _discriminates(index: int, known: KnownSkill, neighbours: Sequence[KnownSkill]) -> bool:
    """Return whether other skills are told apart by the slot: then a value not yet seen is no match."""
    return any(
        other is not known
        and not _same_action(other, known)
        and any(key.index == index for key in other.skill.key_slots)
        for other in neighbours
    )


def _same_action(one: KnownSkill, other: KnownSkill) -> bool:
    return one.skill.action == other.skill.action or (is_typed(one.action_key) and one.action_key == other.action_key)


def _why(known: KnownSkill, signature: Signature, fit: _Fit, doubts: Sequence[str]) -> str:
    base, slots = around(signature.template).base, signature.slots
    keys = [key_value(slots, k.index) for k in known.skill.key_slots if k.index % FORM < base]
    about = f" about {', '.join(repr(v) for v in keys[:3])}" if keys and not fit.differs else ""
    proof = f"verified on {known.evidence.verified} host{'s' * (known.evidence.verified != 1)}"
    tries = proof if known.evidence.verified else "not yet tried here"
    said, but = f"the same {kind_of(signature.error_type)}{about} has this fix, {tries}", "; but "
    if never_tried(known):
        said, but = "it is derived from fixes of other errors and was never tried", "; "
    return said + (but + " and ".join(doubts) if doubts else "")
