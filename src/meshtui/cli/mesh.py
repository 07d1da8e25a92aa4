"""`meshtui status`, `agents`, `deliveries`: the mesh as the bridge and this node see it."""

from __future__ import annotations

import statistics
from dataclasses import asdict
from pathlib import Path

import click

from meshcore.bridge.open import old_queries
from meshcore.control.needs_you import NeedsYou, asked_of
from meshcore.errors import UsageError
from meshcore.evidence.effect import effect
from meshcore.evidence.of_agents import AgentRow, agents_known, effect_on, fails_at, fixes_told
from meshcore.evidence.of_agents import to_json as of_agent
from meshcore.filelock import is_stopped
from meshcore.model import Json
from meshcore.node import Node
from meshcore.service.holding import holder
from meshcore.store.walls import walls, walls_sum
from meshcore.trust.ceilings import mode_here
from meshcore.trust.halting import halted
from meshcore.trust.synced import missing, silent
from meshtui.cli.context import Session, facts, json_option, print_json, say, table
from meshtui.cli.moments import ago


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


@click.command()
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="Those of other nodes too, as far as their failures are known.")
@json_option
@click.pass_obj
def agents(session: Session, name: str | None, everything: bool, as_json: bool) -> None:
    """This node's agents: failures, and since when each is silent. With NAME: what it fails at, what it was told."""
    with session.node() as node:
        found = node.store.answers(agents_known())
        if name is not None:
            _one_agent(node, found, name, as_json)
            return
        shown, kinds = [one for one in found if one.own or everything], effect(node.store)
        if as_json:
            per_via = {kind.via: kind.to_json() for kind in kinds}
            seen = {agent["name"]: agent for agent in node.store.agents.all()}
            print_json(
                "agents",
                [
                    {**seen.get(one.name, {}), **asdict(one), "effect": per_via.get(one.via) if one.own else None}
                    for one in shown
                ],
            )
            return
        rows = [(a.name, a.via, a.host, ago(node, a.last), a.failures, a.verified, a.waits) for a in shown]
    columns = ("agent", "via", "host", "seen", "failures", "verified", "waits")
    table(columns, rows, empty="no agents yet; put `meshtui run --` before a command", spare=("waits", "host"))
    table(
        ("via", "failures", "answered", "taken", "verified", "repeats avoided", "to green"),
        [(k.via, k.seen, k.answered, k.taken, k.verified, k.avoided, _seconds(k.to_green.median)) for k in kinds],
        spare=("to green",),
    )


def _one_agent(node: Node, found: list[AgentRow], name: str, as_json: bool) -> None:
    """Print one agent. Raises UsageError for a name that is not known."""
    row = next((one for one in found if one.name == name), None)
    if row is None:
        raise UsageError(f"no agent {name!r:.80}; `meshtui agents --all` shows them")
    errors, told = node.store.answers(fails_at(name)), node.store.answers(fixes_told(name))
    came = effect_on(node.store, name)
    if as_json:
        print_json("agent", {**of_agent(row, errors, told), "effect": came.to_json()})
        return
    whose = "an agent of this node" if row.own else "another node's"
    facts(
        {
            "agent": f"{row.name}, {row.via or '?'} on {row.host or '?'}; {whose}",
            "silent since": f"{row.last[:19]} UTC, {ago(node, row.last)}" if row.last else "never heard",
            "failures": f"{row.failures} known, {row.verified} verified, {row.waits} wait for a person",
            "met here": f"{came.seen}: {came.answered} answered, {came.taken} taken, {came.verified} then verified,"
            f" {came.avoided} of them known before",
        }
    )
    table(
        ("times", "verified", "fails at", "wordings", "newest"),
        [(e.times, e.verified, e.line, e.lines, e.incident_id[:8]) for e in errors],
        empty="no failure of it is known",
        spare=("wordings",),
    )
    table(
        ("told (UTC)", "fix", "came of it", "at"),
        [(t.at[:19], t.command, t.result or "nothing shown yet", t.line) for t in told],
        empty="it was told no fix by a hook" if row.own else "what it was told is its own node's to say",
        spare=("at",),
    )


@click.command()
@json_option
@click.pass_obj
def deliveries(session: Session, as_json: bool) -> None:
    """Who has not received what, and since when; exit 0 also where nothing is open."""
    with session.node(fresh=True, needs_bridge=True) as node:
        bridge = node.require_bridge()
        names = {m.node: m.name for m in bridge.members()}
        open_ones = bridge.undelivered()
        counts = bridge.statistics()
        if as_json:
            print_json(
                "deliveries",
                {
                    "expected": counts.expected,
                    "received": counts.received,
                    "rejected": counts.rejected,
                    "undelivered": [
                        {"seq": u.seq, "record": u.record_id, "kind": u.kind, "node": u.node, "since": u.since}
                        for u in open_ones
                    ],
                },
            )
            return
        rows = [(u.kind, u.record_id[:12], names.get(u.node, u.node[:12]), ago(node, u.since)) for u in open_ones]
    if not counts.expected:
        say("no other node is expected to receive anything")
        return
    say(f"{counts.received} of {counts.expected} expected deliveries received, {counts.rejected} rejected")
    table(("kind", "record", "waits for", "since"), rows)


def figures(node: Node, asked: NeedsYou) -> dict[str, Json]:
    """Return the mesh in figures: counts from the store, and from the bridge where it can be read."""
    counts = node.store.snapshots.figures()
    green = node.store.incidents.seconds_to_green()
    now = int(node.clock.now().timestamp())
    hit, [(unsolved, _, _)] = node.store.answers(walls(now, 1)), node.store.answers(walls_sum(now))
    incidents = {name.split(".", 1)[1]: n for name, n in counts.items() if name.startswith("incidents.")}
    result: dict[str, Json] = {
        "node": node.identity.node.public,
        "name": node.name,
        "home": str(node.home.root),
        "mode": mode_here(node),
        "halted": halted(node),
        "runtime": holder(node.home.runtime_lock),
        "skills": node.store.skills.count(),
        "incidents": incidents,
        "handled": sum(incidents.values()),
        "verified": incidents.get("verified", 0),
        "unsolved": {"count": unsolved, "costliest": hit[0].command if hit else ""},
        "needs_you": asked.count,
        "asked": asked.to_json(),
        "rejected_records": counts.get("records.rejected", 0),
        "unpublished": counts.get("outbox.waiting", 0),
        "to_green": {
            name: {"n": len(times), "median_seconds": statistics.median(times) if times else None}
            for name, times in green.items()
        },
        "bridge": None,
    }
    if missed := missing(node):
        result["not_synced"] = [one.text for one in missed]
    if gone := silent(node):
        result["silent"] = [{"name": one.name, "since": one.since} for one in gone]
    if node.bridge is not None:
        s = node.bridge.statistics()
        members = node.bridge.members()
        broadcast, pending = [count for _, count in old_queries(node.settings.bridge)] or (0, 0)
        result["bridge"] = {
            "path": node.settings.bridge.shown,
            "joined": len(members),
            "seen": sum(member.seen for member in members),
            "records": s.records,
            "undelivered": s.undelivered,
            "legacy_broadcast": broadcast,
            "legacy_pending": pending,
        }
    return result


@click.command()
@click.option("--prometheus", "file", metavar="FILE", help="Write the figures for node_exporter instead (.prom).")
@json_option
@click.pass_obj
def status(session: Session, file: str | None, as_json: bool) -> None:
    """The mesh at a glance."""
    if file is not None:
        from meshcore.service import prometheus

        with session.node(fresh=True) as node:
            prometheus.write(Path(file).expanduser().absolute(), prometheus.exposition(node))
        return
    with session.node(fresh=True) as node:
        asked = asked_of(node)
        now = figures(node, asked)
        fault = node.bridge_fault
        gone = [f"{one['name']} ({ago(node, one['since'])})" for one in now.get("silent", ())]
        unread = [f"{calls} of {via} {version}".rstrip() for via, version, calls in node.store.tellings.unread(14)]
    if as_json:
        print_json("status", now)
        return
    bridge = now["bridge"]
    green = now["to_green"]
    facts(
        {
            "node": f"{now['name']} ({now['node'][:12]}), home {now['home']}",
            "bridge": f"{bridge['path']}, {bridge['joined']} joined, {bridge['seen']} seen"
            if bridge
            else f"unavailable: {fault}",
            "skills": now["skills"],
            "incidents": f"{now['verified']} verified of {now['handled']} known",
            "to green": "here: "
            + ", ".join(
                f"{name} {t['median_seconds']:.1f} s (n={t['n']})" if t["n"] else f"{name} -"
                for name, t in green.items()
            ),
            "undelivered": bridge["undelivered"] if bridge else "?",
            **({"unsolved": _unsolved(now["unsolved"])} if now["unsolved"]["count"] else {}),
            "needs you": asked.sentence,
            "rejected": now["rejected_records"],
            **({"not synced": "; ".join(now["not_synced"])} if "not_synced" in now else {}),
            **({"silent": ", ".join(gone)} if gone else {}),
            **({"unread": f"payloads of agents: {', '.join(unread)}"} if unread else {}),
            "mode": now["mode"] + (f", HALTED: {now['halted']}" if now["halted"] else ""),
            "runtime": _runtime(now["runtime"]) if now["runtime"] else "none runs; start one with `meshtui --no-ui`",
        }
    )


def _unsolved(found: Json) -> str:
    """Return how many walls there are, and the costliest."""
    return f"{found['count']}, the costliest: {found['costliest']:.60}"


def _runtime(process: int) -> str:
    if is_stopped(process):
        return f"process {process} is stopped, nothing is done; let it go on (fg, or kill -CONT {process}), or end it"
    return f"process {process}"
