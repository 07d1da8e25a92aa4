"""Whether a skill may travel: the same for what is taught here and what peers send."""

from __future__ import annotations

from meshcore.errors import BadSkillError
from meshcore.knowledge.learning import check_pattern
from meshcore.knowledge.parts import FORM, FORMS, Parts
from meshcore.model import TEXT_LIMIT, Signature, Skill
from meshcore.safety.visible_text import visible


def check_skill(skill: Skill) -> None:
    """Raise BadSkillError for a skill that may not travel: the same for what is taught here and what peers send."""
    if not skill.template.strip():
        raise BadSkillError("the skill's pattern is empty")
    if not _is_clean(skill):
        raise BadSkillError(f"the skill holds control characters, or a text of more than {TEXT_LIMIT} characters")
    if any(not 0 <= key.index < FORM * len(FORMS) for key in skill.key_slots):
        raise BadSkillError("a key slot of the skill is none of an error's parts")
    try:
        skill.action.fill(Parts(skill.example_slots))
    except IndexError:
        raise BadSkillError("the skill's action refers to a part that its own example lacks") from None
    check_pattern(Signature(skill.signature_version, skill.error_type, skill.template), skill.key_slots)


def _is_clean(skill: Skill) -> bool:
    texts = [skill.error_type, skill.template, skill.action.text, *(k.value for k in skill.key_slots)]
    texts += [token for step in skill.action.steps for token in step]
    return all(visible(text, limit=TEXT_LIMIT) == text for text in texts)
