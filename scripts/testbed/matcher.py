"""The project's own matcher as the scorers call it: a thin layer over reading, learning and matching."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from meshcore.errors import BadSkillError
from meshcore.knowledge.fixes import parse_fix, spell
from meshcore.knowledge.learning import confirms, learn
from meshcore.knowledge.matching import bucket_of, match
from meshcore.knowledge.signature import read
from meshcore.knowledge.standing import weigh
from meshcore.model import Circumstances, KnownSkill, Outcome, Signature
from meshcore.testing import MemoryIndex


class Matcher:
    """Learns fixes that worked and answers errors; what `learn` is told is a verified outcome."""

    def __init__(self, read: Callable[[Mapping[str, str]], Signature] | None = None) -> None:
        self._read = read or read_incident
        self._index = MemoryIndex()
        self._names: dict[str, str] = {}
        self._outcomes: dict[str, list[Outcome]] = defaultdict(list)
        self._bucket: dict[str, set[str]] = defaultdict(set)

    def learn(self, incident: Mapping[str, str], skill: str, resolution: str) -> None:
        """Take note that `resolution` solved the incident; `skill` is what the scorer calls the solution."""
        signature = self._read(incident)
        fix = parse_fix(resolution)
        host = incident["agent"]
        try:
            learnt = learn(signature, fix, command=incident["command"])
        except BadSkillError:
            return
        self._names.setdefault(learnt.skill_id, skill)
        bucket = self._bucket[bucket_of(signature.error_type, signature.template)]
        bucket.add(learnt.skill_id)
        if self._index.get(learnt.skill_id) is None:
            self._index.add(KnownSkill(learnt))
        for skill_id in sorted(bucket):
            known = self._index.get(skill_id)
            assert known is not None
            if skill_id == learnt.skill_id or confirms(known.skill, signature, fix):
                self._outcomes[skill_id].append(_verified(skill_id, signature, host))
                self._index.add(KnownSkill(known.skill, evidence=weigh(known.skill, self._outcomes[skill_id])))

    def match(self, incident: Mapping[str, str]) -> tuple[str, str, str] | None:
        """Return (skill, tier, command), None where nothing answers."""
        found = match(self._read(incident), self._index)
        return (self._names[found.skill_id], found.tier, spell(found.action)) if found else None


def make_matcher() -> Matcher:
    """Return a matcher that knows nothing."""
    return Matcher()


def read_incident(incident: Mapping[str, str]) -> Signature:
    """Return how an incident of the data is read."""
    return read(incident["message"], error_type=incident["error_type"], command=incident["command"])


def _verified(skill_id: str, signature: Signature, host: str) -> Outcome:
    return Outcome("", "", skill_id, "verified", "", host, host, host, Circumstances(), slots=signature.slots)
