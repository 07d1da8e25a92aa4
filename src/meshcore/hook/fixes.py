"""What a hook may say of a failure at once: the fix that was learnt, by the light judges and the verdicts kept."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meshcore.clock import from_text, to_text
from meshcore.config import Settings
from meshcore.healing.capture import project_root
from meshcore.home import Home
from meshcore.hook.memory import Offer
from meshcore.hook.telling import note_told
from meshcore.hook.turn import Turn
from meshcore.knowledge.matching import matches
from meshcore.model import AgentInfo, Incident, Json, KnownSkill, Match
from meshcore.store.store import Store
from meshcore.trust.modes import Ceiling

PULL_SECONDS = 60.0  # between two looks at the bridge where no runtime does that


@dataclass(frozen=True, slots=True)
class Seen:
    """A failure, and what was found out about it before the store is held.

    `highest` is the mode; `found` what was learnt that answers it; `general`: something is known of it in general.
    """

    incident: Incident
    highest: Ceiling
    found: Sequence[Match]
    general: bool


class Fixes:
    """What answers one failed command, on an open store. `turn` is for the verdict that alone is lacking to tell it."""

    def __init__(self, store: Store, settings: Settings, me: AgentInfo, argv: Sequence[str], cwd: str) -> None:
        self._store = store
        self._settings = settings
        self._me = me
        self._argv = tuple(argv)
        self._folder = project_root(cwd) or cwd
        self.turn = Turn(Home(settings.home).state)
        self._may_be_more = False

    def found(self, incident: Incident) -> list[Match]:
        """Return what was learnt that answers an incident, the best first."""
        found = matches(incident.signature, self._store.skills, incident.circumstances, folder=incident.cwd)
        if not found:
            return []
        from meshcore.healing.light_judges import learnt, offered_here  # most failures have no fix

        return learnt(self._store, offered_here(self._store, found, self._folder))

    def answer(
        self, seen: Seen, *, counts: bool = True, brief: bool = False
    ) -> tuple[tuple[KnownSkill, Match, str] | None, bool]:
        """Return (skill, match, author) of what may be said at once, and whether the follow-up is to look first.

        `counts`: the incident is this hook's own. `brief`: there is no time for the follow-up.
        """
        if not seen.found:
            return None, counts and self._may_pull()
        store, match = self._store, seen.found[0]
        known = store.skills.find(match.skill_id)
        if known is None:
            return None, False
        from meshcore.healing.light_judges import rule_lightly

        ruling = rule_lightly(
            store, known, match, folder=self._folder, highest=seen.highest, operator=self._settings.operator,
            own_name=self._settings.agent,
        )  # fmt: skip
        if not ruling.final and not (brief and ruling.brief):
            self._may_be_more = ruling.own
            self.turn.question, self.turn.own = ruling.asks, ruling.own and counts
            return None, True
        if ruling.decision == "refuse":
            if counts:
                self._note_refusal(seen.incident, match, ruling.reasons)
            return None, False
        return (known, match, ruling.author), False

    def waits(self, match: Match) -> str:
        """Return the id of the approval for which what is told in brief waits in this project, "" where none is."""
        for one in self._store.approvals.all() if self._may_be_more else ():
            if (one.skill_id, one.command) == (match.skill_id, match.action.command()):
                other = self._store.incidents.find(one.incident_id)
                if other is not None and (project_root(other.cwd) or other.cwd) == self._folder:
                    return one.approval_id
        return ""

    def is_known_in_general(self, incident: Incident) -> bool:
        """Tell whether it is worth to look at what is known in general."""
        if not self._settings.packs:
            return False
        from meshcore.knowledge.missing import is_own_choice, may_propose, missing  # what no success has a use for

        gone = missing(incident.signature)
        if gone is not None:
            return not is_own_choice(gone, self._argv)
        from meshcore.knowledge.usual import Failed, usual, without_sudo

        _, argv = without_sudo(self._argv)
        if usual(Failed(argv, argv[-1] if argv else "", incident.excerpt, incident.cwd)) is not None:
            return True
        from meshcore.healing.local_service import service_to_start

        if service_to_start(argv, incident.excerpt) is not None:
            return True
        if not may_propose(argv, incident.excerpt):
            return False
        from meshcore.knowledge.proposed import proposed  # most errors end before this

        return bool(proposed(argv, incident.excerpt))

    def note_answer(self, incident: Incident, match: Match, *, was_told: bool) -> Offer:
        """Note that a fix is told, and return it as the session remembers it."""
        self._note_match(incident, match)
        if not was_told:
            note_told(self._store, incident, match, self._me)
        return Offer(incident.incident_id, match.skill_id, match.action.command(), self._me.sub)

    def _note_refusal(self, incident: Incident, match: Match, reasons: Sequence[str]) -> None:
        """Write down, and tell nobody, that what is known may not be used."""
        store, incident_id = self._store, incident.incident_id
        data: dict[str, Json] = {"decision": "refuse", "reasons": list(reasons), "command": match.action.command()}
        self._note_match(incident, match)
        store.events.add("try.decided", incident_id=incident_id, skill_id=match.skill_id, data=data)
        store.incidents.set_state(incident_id, "refused", skill_id=match.skill_id)

    def _note_match(self, incident: Incident, match: Match) -> None:
        store, incident_id = self._store, incident.incident_id
        data: dict[str, Json] = {"tier": match.tier, "score": match.score, "why": match.why}
        store.events.add("incident.matched", incident_id=incident_id, skill_id=match.skill_id, data=data)
        solved_before = match.tier == "exact" or None  # of a likely answer only its outcome can tell
        store.incidents.set_state(incident_id, "matched", skill_id=match.skill_id, again=solved_before)

    def _may_pull(self) -> bool:
        """Tell whether the bridge is to be looked at: no runtime does, and nobody has for a minute."""
        now, before = self._store.clock.now(), self._store.state.get()["pulled"]
        try:
            if before and 0 <= (now - from_text(before)).total_seconds() < PULL_SECONDS:
                return False
        except ValueError:
            pass
        self._store.state.set(pulled=to_text(now))
        return not is_locked(Home(self._settings.home).runtime_lock)


def is_locked(path: Path) -> bool:
    """Tell whether a process holds a lock; False also where nobody ever did."""
    if not path.exists():
        return False
    from meshcore.filelock import FileLock

    with contextlib.suppress(OSError), FileLock(path).held() as free:
        return not free
    return False
