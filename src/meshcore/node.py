"""An open node: its settings, store and identity, and its way to the bridge where there is one."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from meshcore import __version__
from meshcore.bridge.base import Bridge, Member, OldPrograms, OldSkill
from meshcore.bridge.open import is_there, open_bridge, open_old_programs
from meshcore.bridge.own_chain import OwnChainOn
from meshcore.bridge.own_place import OwnPlace, ahead_of, machine_mark
from meshcore.bridge.state_bodies import MOST_NAMED, BeatBody, HelloBody, Report
from meshcore.clock import Clock, SystemClock, from_text, to_text
from meshcore.clock import boot_id as boot_id
from meshcore.config import Settings
from meshcore.errors import BadRecordError, BridgeUnavailableError, ConfigurationError, UsageError
from meshcore.events import Event
from meshcore.home import Home, write_atomically
from meshcore.journal.writer import project
from meshcore.knowledge.interchange import follows, import_skills_file, write_skills_file
from meshcore.knowledge.migration import reread_skills, set_aside
from meshcore.model import Json, Record
from meshcore.safety.keys import Identity, identify, load_or_create
from meshcore.safety.managed import managed
from meshcore.safety.operator_key import enrolled, is_protected, public_half
from meshcore.safety.records import sign
from meshcore.store.store import Store

HABIT_DAYS = 180  # after which a command that neither failed nor was corrected is forgotten
SWEEP_EVERY = timedelta(hours=6)
LONGEST_DAYS = 36_500.0
PATIENCE_SECONDS = 0.75  # for a bridge that somebody holds: what is to be told waits in the outbox anyway
BEGIN_ANOTHER = "put it back, or restart meshtui to begin another: nodes publish again what others lack"
AFAR_SECONDS = 5.0  # for one that is reached over a network


class Node:
    """Everything that a command needs of one home, opened when first asked for.

    The bridge is optional: where it cannot be used, `bridge` is None, `bridge_fault` says why, and what is known
    locally still works. Use as a context manager.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        bridge: Bridge | None = None,
        patience: float | None = None,
        shares: bool = False,
    ) -> None:
        """`patience` is how many seconds a call of the bridge may take, None for as many as suit its kind.

        `shares`: a bridge afar is reached over the connection of the home's runtime, where one runs.
        """
        self.settings = settings
        self._patience = patience or (AFAR_SECONDS if settings.bridge.is_afar else PATIENCE_SECONDS)
        self.clock = clock or SystemClock()
        self.home = Home(settings.home).create()
        self.store = Store(self.home.store, self.clock)
        self.operator_key = settings.operator / "operator.key"
        self.bridge_fault = ""
        self._is_set_up_wrong = False
        self._bridge = bridge
        self._shares = shares and settings.bridge.is_afar
        self._identity: Identity | None = None
        self._joined = self._was_joined = False
        self._projected = -1
        self._synced: float | None = None
        self._latency_ms: float | None = None
        self._ahead_ms: float | None = None
        self._shown = ""
        self.machine = "" if settings.host_is_named else machine_mark()
        self._brought = bridge is not None
        self._old_programs: OldPrograms | None = None
        if not self.store.state.get()["skills_file_looked"]:
            import_skills_file(self.store, self.home.skills_file)
            self.store.state.set(skills_file_looked=self.store.now())
        reread_skills(self.store)
        set_aside(self.store)
        if self.store.skills.lack_action_keys():
            from meshcore.policy.action_key import note_action_keys  # the forms of the policy: most opens need none

            note_action_keys(self.store)

    def __enter__(self) -> Node:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def identity(self) -> Identity:
        """Return this node's key and its operator; both keys are made at the first use. Raises ConfigurationError."""
        if self._identity is None:
            self._identity = self._identify()
        return self._identity

    def forget_identity(self) -> None:
        """Read keys and enrolment anew when next asked for."""
        self._identity, self._joined = None, False

    def identify(self, key: Path) -> Identity:
        """Return who this node is under the key in a file. Raises ConfigurationError."""
        if not is_protected(self.operator_key):
            return identify(key, self.operator_key)
        return enrolled(load_or_create(key), public_half(self.operator_key), self.home.enrolment)

    def _identify(self) -> Identity:
        found = self._find_keys()
        if self.store.meta.get("node") != found.node.public:
            self.store.meta.set("node", found.node.public)
            self.store.incidents.name_node(found.node.public)
        if self.store.meta.get("operator") != found.operator:
            self.store.meta.set("operator", found.operator)
        return found

    def _find_keys(self) -> Identity:
        found = self.identify(self.home.key)
        wanted = self.store.meta.get("node_key")
        if wanted in ("", found.node.public) or not self.home.next_key.exists():
            return found
        waiting = self.identify(self.home.next_key)
        if waiting.node.public != wanted:
            return found
        # The store says that the new key is in use: whoever comes first puts it in its place.
        with contextlib.suppress(FileNotFoundError):
            self.home.next_key.replace(self.home.key)
        return waiting

    @property
    def name(self) -> str:
        """Return what the node is called among people: the agent that it was set up for."""
        return self.settings.agent

    @property
    def bridge(self) -> Bridge | None:
        """Return the bridge, joined; None where it cannot be used now (see `bridge_fault`)."""
        if self._bridge is None and not self.bridge_fault:
            self.bridge_fault = managed().why_not_bridge(self.settings.bridge)
            self._is_set_up_wrong = True
        if self._was_joined and not self.bridge_fault and not is_there(self.settings.bridge):
            self.disconnect()
            self.note_bridge_fault(BridgeUnavailableError(f"{self.settings.bridge.shown} is gone; {BEGIN_ANOTHER}"))
        if self._bridge is None and not self.bridge_fault:
            try:
                self._bridge = self._open()
            except (BridgeUnavailableError, ConfigurationError) as error:
                self.note_bridge_fault(error)
        if self._bridge is not None and not self._joined:
            try:
                self.join(self._bridge)
            except (BridgeUnavailableError, ConfigurationError) as error:
                self.note_bridge_fault(error)
                return None
        return self._bridge if self._joined else None

    def _open(self) -> Bridge:
        address, clock = self.settings.bridge, self.clock
        if self._shares:
            from meshcore.bridge.shared import through_runtime  # only who fails under `meshtui run` needs it

            found = through_runtime(self.home.state, address, deadline=self._patience, monotonic=clock.monotonic)
            if found is not None:
                return found
        return open_bridge(address, clock=clock, deadline=self._patience)

    def note_bridge_fault(self, error: BridgeUnavailableError | ConfigurationError) -> None:
        """Note why the bridge cannot be used from now on."""
        self.bridge_fault, self._is_set_up_wrong = str(error), isinstance(error, ConfigurationError)

    @property
    def connected(self) -> bool:
        """Tell whether the bridge was usable when last used."""
        return self._joined and not self.bridge_fault

    def disconnect(self) -> None:
        """Let go of the bridge, so that the next use opens it anew."""
        if self._old_programs is not None:
            self._old_programs.close()
        if self._bridge is not None:
            self._bridge.close()
        self._bridge, self._old_programs, self._joined, self.bridge_fault = None, None, False, ""

    def join_again(self) -> None:
        """Let the node join the bridge anew when that is next used: it was forgotten there."""
        self._joined = False

    def note_sync(self) -> None:
        """Note that the bridge was read to its end just now."""
        self._synced = self.clock.monotonic()

    def synced_ago(self) -> float | None:
        """Return how many seconds ago this process last read the bridge to its end, None where it has not."""
        return None if self._synced is None else self.clock.monotonic() - self._synced

    @property
    def old_programs(self) -> OldPrograms | None:
        """Return the earlier system's programs; None where the bridge has no old database, or the caller brought it."""
        if self._old_programs is None and not self._brought:
            self._old_programs = open_old_programs(
                self.settings.bridge,
                self.require_bridge(),
                clock=self.clock,
                deadline=self._patience,
                follows=follows,
            )
        return self._old_programs

    def tend(self) -> bool:
        """Serve old programs, if there may be any and no other process does; see `OldPrograms.tend`.

        Raises BridgeUnavailableError.
        """
        programs = self.old_programs
        return programs is not None and programs.tend()

    def show_old_programs(self, skills: Sequence[OldSkill]) -> None:
        """Let old programs see skills that were published. Raises BridgeUnavailableError."""
        if skills and (programs := self.old_programs) is not None:
            programs.show(skills)

    def require_bridge(self) -> Bridge:
        """Return the bridge. Raises BridgeUnavailableError, and ConfigurationError where trying again is no use."""
        if self.bridge is None:
            raise (ConfigurationError if self._is_set_up_wrong else BridgeUnavailableError)(self.bridge_fault)
        return self.bridge

    def join(self, bridge: Bridge) -> None:
        """Become a reader of the bridge, or show a sign of life. Raises BridgeUnavailableError."""
        mark, known = f"{bridge.bridge_id}:{self.name}:{self.settings.host}", self.look_at_itself(bridge)
        if known is not None and known.seen and known.host != self.settings.host:
            where = f"host {known.host[:60]!r} {known.age:.0f} s ago"
            what = f"two nodes with one key: this node was seen on {where}, and is on {self.settings.host!r} now"
            hint = "where this home is a copy, move it aside and begin another; a host that was renamed says this once"
            self.store.events.add("fault", data={"what": f"{what}; {hint}"})
        if known is None or known.host != self.settings.host or self.store.state.get()["joined"] != mark:
            hello = HelloBody(self.name, self.settings.host, str(os.getuid()))
            seq, chain = self.store.outbox.next_author_seq(), self.chain(bridge).published()
            record = sign(hello.kind, hello.to_json(), seq, self.identity, self.clock, chain)
            bridge.join(Member(self.identity.node.public, self.name, self.settings.host, record))
            self.store.state.set(joined=mark)
        with contextlib.suppress(UsageError):  # forgotten just now: it joins again when the bridge is next opened
            self.beat(bridge)
        self._joined, self._was_joined = True, not self._brought and self.settings.bridge.path is not None

    def look_at_itself(self, bridge: Bridge) -> Member | None:
        """Return what the bridge holds of this node; note how long that took, its clock, and who else has its key."""
        now, started = to_text(self.clock.now()), self.clock.monotonic()
        me = bridge.member(self.identity.node.public)
        took = (self.clock.monotonic() - started) * 1000
        self._latency_ms = round(took, 3)
        if me is not None:
            ahead = ahead_of(me, now)
            self._ahead_ms = None if ahead is None else round(ahead + took / 2, 1)
        of_place, of_chain = OwnPlace(self.store).notice(me), self.chain(bridge).notice(me) if me is not None else ""
        if wrong := of_chain or of_place:
            self.store.events.add("fault", data={"what": wrong})
        return me

    def beat(self, bridge: Bridge) -> None:
        """Show a sign of life, with this node's signed state. Raises UsageError where the node was forgotten."""
        shown = self.store.state.get()["report"]
        bridge.beat(self.identity.node.public, self.signed_beat(bridge))
        self._shown = shown

    @property
    def has_news_of_itself(self) -> bool:
        """Tell whether more was noted of this node than this process has shown with a sign of life."""
        return self.store.state.get()["report"] != self._shown

    def signed_beat(self, bridge: Bridge, after: int = 0) -> Record:
        """Sign that this node lives; rows of the outbox up to `after` count as published."""
        chain = self.chain(bridge)
        seq = self.store.outbox.last_author_seq()
        beat = BeatBody(self.name, self.settings.host, __version__, seq, chain.ended(), self.report(after))
        return sign(beat.kind, beat.to_json(), max(1, seq), self.identity, self.clock, chain.published(after))

    def report(self, after: int = 0) -> Report:
        """Return how this node fares, as was last noted; rows of the outbox up to `after` count as published."""
        try:
            noted = Report.from_json(json.loads(self.store.state.get()["report"] or "{}"))
        except (ValueError, BadRecordError):
            noted = Report()  # of another version
        return replace(
            noted,
            machine=self.machine,
            place=OwnPlace(self.store).mark,
            engine=self.settings.bridge.scheme,
            latency_ms=self._latency_ms,
            ahead_ms=self._ahead_ms,
            waiting=self.store.outbox.count_waiting(after),
            agents=tuple(agent["name"] for agent in self.store.agents.all()[:MOST_NAMED]),
        )

    def chain(self, bridge: Bridge) -> OwnChainOn:
        """Return this node's chain of control records on a bridge."""
        return OwnChainOn(self.store, bridge.bridge_id, self.settings.bridge.shown, self.identity.node.public)

    def state(self, kind: str, body: Mapping[str, Json]) -> Record:
        """Sign what holds now and goes past the log: it takes no number of its own but repeats the newest."""
        chain = self.chain(self._bridge).published() if self._bridge is not None else None
        return sign(kind, body, max(1, self.store.outbox.last_author_seq()), self.identity, self.clock, chain)

    def sign_statement(self, kind: str, body: Mapping[str, Json], *, is_link: bool) -> Record:
        """Sign this node's next statement to all, as the next link of its chain where it is one.

        Belongs into the transaction that keeps the record. Raises BadRecordError, and BridgeUnavailableError.
        """
        chain = self.chain(self.require_bridge())
        mark = chain.next_link() if is_link else chain.last_link()
        record = sign(kind, body, self.store.outbox.next_author_seq(), self.identity, self.clock, mark)
        if is_link:
            chain.add(mark)
        return record

    def ring(self) -> None:
        """Wake the runtime of this home, if there is one, to look at what was decided; a ring may be lost."""
        if self.bridge is not None:
            with contextlib.suppress(BridgeUnavailableError, ConfigurationError):
                self.bridge.ring()

    def renew_identity(self) -> None:
        """Take up the node's key anew where it was replaced, by this or another process."""
        if self.store.meta.get("node_key") not in ("", self.identity.node.public):
            self.forget_identity()

    def project(self) -> None:
        """Bring the readable projections up to date: journal and skills file. Faults become an event, not an error."""
        if self.store.events.last() == self._projected:
            return
        try:
            write_skills_file(self.store, self.home.skills_file)
        except OSError as error:
            self.store.events.add("fault", data={"what": f"{self.home.skills_file}: not written ({error.strerror})"})
        project(self.store, self.home.journal, self._tell_syslog)
        self._projected = self.store.events.last()

    def _tell_syslog(self, events: Sequence[Event]) -> None:
        if self.settings.syslog:
            from meshcore.journal.syslog import tell  # few want it

            tell(self.settings.syslog, events)

    def forget_printed(self) -> None:
        """Forget what commands printed long ago, as `[retention]` says; looked at a few times a day."""
        now, stamp = self.clock.now(), self.home.swept
        with contextlib.suppress(OSError, ValueError):
            if now - from_text(stamp.read_text("utf-8")) < SWEEP_EVERY:
                return
        with contextlib.suppress(OSError):
            write_atomically(stamp, to_text(now).encode())
        before = to_text(now - timedelta(days=min(self.settings.retention.outputs_days, LONGEST_DAYS)))
        self.store.retention.forget(printed=before, projected=self.store.state.get()["journal_seq"])
        old = int((self.clock.now() - timedelta(days=HABIT_DAYS)).timestamp())
        self.store.habits.forget(old)
        self.store.corrections.forget(old)
        self.store.told.forget(old)
        self.store.tellings.forget(old)

    def close(self) -> None:
        """Let go of everything."""
        self.disconnect()
        self.store.close()
