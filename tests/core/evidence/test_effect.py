"""What the mesh did per kind of agent: each count is part of the one before it."""

from __future__ import annotations

from dataclasses import replace

from meshcore.events import EventKind
from meshcore.evidence.distribution import distribution
from meshcore.evidence.effect import counted, effect, effect_of, per_kind
from meshcore.evidence.slice.gather import gather_slice, origin
from meshcore.model import AgentInfo, Circumstances, Incident, Outcome, Signature
from meshcore.store.store import Store
from meshcore.testing import START


def met(store: Store, name: str, via: str, *, again: bool = False, remote: bool = False) -> str:
    incident = Incident(name, store.now(), AgentInfo("a", via), ("x",), "/", 1, Signature(1, "E", "t"), "", again=again)
    store.incidents.open(incident, "node", remote=remote)
    return name


def happened(store: Store, incident: str, *kinds: EventKind) -> None:
    for kind in kinds:
        store.events.add(kind, incident_id=incident)


def verified(store: Store, incident: str, seconds: float) -> None:
    store.incidents.set_state(incident, "verified", seconds=seconds)
    outcome = Outcome(f"o{incident}", incident, "s", "verified", store.now(), "node", "h", "a", Circumstances())
    store.outcomes.add(outcome, own_operator=True, try_id="t")


def test_nothing_met_is_nothing(store: Store) -> None:
    assert effect(store) == []


def test_each_kind_of_agent_has_its_figures(store: Store) -> None:
    met(store, "unknown", "codex")
    happened(store, met(store, "named", "codex"), "hook.answered")
    happened(store, met(store, "taken", "codex"), "hook.answered", "hook.taken")
    happened(store, met(store, "repeat", "codex", again=True), "hook.answered", "hook.taken")
    verified(store, "repeat", 4.0)
    happened(store, met(store, "healed", "shell"), "try.decided", "try.intent")
    verified(store, "healed", 2.0)
    met(store, "elsewhere", "codex", remote=True)
    codex, shell = effect(store)
    assert (codex.via, codex.seen, codex.answered, codex.taken, codex.verified, codex.avoided) == (
        "codex",
        4,
        3,
        2,
        1,
        1,
    )
    assert (shell.seen, shell.answered, shell.taken, shell.verified, shell.avoided) == (1, 1, 1, 1, 0)
    assert effect_of(gather_slice(store, origin("node", "n", "h", "", START))) == [codex, shell]
    counted_alike = per_kind(store.answers(counted()))
    assert [replace(kind, to_green=distribution([])) for kind in (codex, shell)] == counted_alike
    assert codex.to_green.median == 4.0 and shell.to_json()["to_green"]["n"] == 1


def test_what_became_green_by_other_means_is_no_merit_of_the_mesh(store: Store) -> None:
    happened(store, met(store, "edited", "codex", again=True), "hook.answered")
    store.incidents.set_state("edited", "verified", seconds=9.0)
    [codex] = effect(store)
    assert (codex.answered, codex.taken, codex.verified, codex.avoided, codex.to_green.n) == (1, 0, 0, 0, 1)
