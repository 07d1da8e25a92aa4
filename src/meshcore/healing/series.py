"""The errors that one command meets one after the other: each an incident of its own, ruled and bounded like the first.

A fix after which the command fails in another way has led on. It is right once the command passes: then every error of
the series is verified. Where the series ends earlier, what was applied waits for that, and no skill is held to account.
"""

from __future__ import annotations

from collections.abc import Callable

from meshcore.healing.outcomes import settle_success
from meshcore.healing.ruling import SoFar
from meshcore.healing.session import Session
from meshcore.healing.teaching import offer_generalisations
from meshcore.model import Mode
from meshcore.trust.store_keys import action_hash

MOST_LINKS = 8


def _nobody(_session: Session) -> None:
    """Leave it to approvals: nobody sits here."""


class Series:
    """A session and those that follow from it. `links` are all of them, the last one is where it stands."""

    def __init__(
        self,
        first: Session,
        mode: Mode,
        *,
        ask: Callable[[Session], None] = _nobody,
        led_on: Callable[[Session], None] = _nobody,
    ) -> None:
        """`mode` is the ceiling for what follows; `ask` may get a person's yes, `led_on` hears of each step forward."""
        self.links = [first]
        self._mode = mode
        self._ask = ask
        self._led_on = led_on

    @property
    def first(self) -> Session:
        """Return the session of the error that the command met first."""
        return self.links[0]

    @property
    def last(self) -> Session:
        """Return the session of the error that it met last."""
        return self.links[-1]

    @property
    def verified(self) -> bool:
        """Tell whether the command succeeds now."""
        return self.last.verified

    @property
    def exit_code(self) -> int:
        """Return the command's exit code, of its last run."""
        return self.last.exit_code

    def heal(self) -> None:
        """Apply what may be applied, and go on with the next error as long as that leads on.

        Raises MeshError as `Session.heal` does; what was done until then is stored.
        """
        while True:
            session = self.last
            if session.needs_person:
                self._ask(session)
            if not session.may_apply:
                return
            session.heal(timeout=self._seconds_left())
            if session.needs_person:
                continue  # what it has looked at in between asks for a person
            if session.verified:
                self._settle()
            if (following := session.next()) is None:
                return
            self._led_on(session)
            self.links.append(following)
            following.consider(self._mode, first_look=True, so_far=self._so_far())

    def finish(self) -> None:
        """Tell the others and bring the files up to date."""
        self.last.finish()

    def _seconds_left(self) -> float:
        spent = sum(step.seconds for link in self.links if link.outcome for step in link.outcome.steps)
        return self.first.node.settings.fix_timeout_seconds - spent

    def _so_far(self) -> SoFar:
        done = [link.considered.match.action for link in self.links if link.outcome and link.considered.match]
        enough = ""
        if len(self.links) > MOST_LINKS:
            enough = f"{MOST_LINKS} errors of one run were fixed, the most allowed"
        elif self._seconds_left() <= 0:
            enough = f"the {self.first.node.settings.fix_timeout_seconds:g} s for fixes are used up"
        return SoFar(frozenset(map(action_hash, done)), enough)

    def _settle(self) -> None:
        """Close what waited for the command to pass; the skills of this series are right."""
        node, earlier = self.first.node, self.links[:-1]
        stored = node.store.incidents.find(self.last.incident.incident_id)
        if stored is None:
            return
        settle_success(node, stored.argv, stored.cwd, credit={link.incident.incident_id for link in earlier})
        for link in earlier:
            link.credit()
            if link.outcome is not None:
                offer_generalisations(node, link.outcome.skill_id)
