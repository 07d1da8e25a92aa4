"""Figures of a node and of the fleet that it sees, in the text format that node_exporter's textfile collector reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from meshcore import __version__
from meshcore.errors import ConfigurationError
from meshcore.home import write_atomically
from meshcore.model import MODES
from meshcore.node import Node
from meshcore.service.fleet import FleetNode, fleet
from meshcore.trust.ceilings import mode_here
from meshcore.trust.halting import halted
from meshcore.trust.synced import missing

READABLE = 0o644  # node_exporter runs as another user; figures hold no command and no path

Sample = tuple[Mapping[str, str], float]


def exposition(node: Node) -> str:
    """Return the figures as text; what the bridge would tell is left out where it cannot be used."""
    counts = node.store.snapshots.figures()
    bridge = node.bridge
    text = [
        _metric("info", "The version of meshtui.", [({"version": __version__}, 1)]),
        _metric("halted", "Whether every unattended fix is stopped here.", [({}, bool(halted(node)))]),
        _metric("mode", "The ceiling here: 1 for the one that counts.", _mode(node)),
        _metric("skills", "Skills by state.", _by(counts, "skills.", "state")),
        _metric("incidents", "Incidents that are known here, by state.", _by(counts, "incidents.", "state")),
        _metric("approvals_waiting", "What waits for a person here.", [({}, counts.get("approvals.waiting", 0))]),
        _metric("unpublished_records", "What the others were not told yet.", [({}, counts.get("outbox.waiting", 0))]),
        _metric("rejected_records", "Records that were not acceptable.", [({}, counts.get("records.rejected", 0))]),
        _metric("missing_authors", "Authors whose control records are missing.", [({}, len(missing(node)))]),
        _metric("bridge_up", "Whether the bridge could be used.", [({}, bridge is not None)]),
    ]
    if bridge is not None:
        said = bridge.statistics()
        text.append(_metric("bridge_records", "Records on the bridge.", [({}, said.records)]))
        text.append(_metric("undelivered", "Expected receipts that are open.", [({}, said.undelivered)]))
        text += _fleet([one for one in fleet(node, bridge) if one.whose == "own"])
    return "".join(text)


def write(path: Path, text: str) -> None:
    """Replace the file as a whole, readable for everybody. Raises ConfigurationError."""
    try:
        write_atomically(path, text.encode(), READABLE)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written ({error.strerror}); name another file") from error


def _mode(node: Node) -> list[Sample]:
    now = mode_here(node)
    return [({"mode": mode}, mode == now) for mode in MODES]


def _by(counts: Mapping[str, int], prefix: str, label: str) -> list[Sample]:
    return [({label: name.removeprefix(prefix)}, n) for name, n in sorted(counts.items()) if name.startswith(prefix)]


def _fleet(nodes: Iterable[FleetNode]) -> list[str]:
    rows = [({"host": one.host, "name": one.name, "node": one.node[:12]}, one) for one in nodes]

    def samples(name: str, help_: str, found: Iterable[tuple[Mapping[str, str], float | None]]) -> str:
        return _metric(name, help_, [(labels, value) for labels, value in found if value is not None])

    return [
        samples("node_alive", "Whether a node signed a sign of life within a minute.", [(r, o.alive) for r, o in rows]),
        samples("node_seen_seconds", "Since its last signed sign of life.", [(r, o.ago) for r, o in rows]),
        samples("node_halted", "Whether it reports that it is halted.", [(r, bool(o.halted)) for r, o in rows]),
        samples("node_undelivered", "What it has not received.", [(r, o.undelivered) for r, o in rows]),
        samples("node_approvals_waiting", "What waits for a person there.", [(r, o.asks) for r, o in rows]),
        samples("node_faults", "How much is wrong with it.", [(r, len(o.wrong)) for r, o in rows]),
        samples("node_clock_ahead_seconds", "Its clock before its engine's.", [(r, _s(o.ahead_ms)) for r, o in rows]),
        samples("node_engine_seconds", "How long its engine took to answer.", [(r, _s(o.latency_ms)) for r, o in rows]),
    ]


def _s(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _metric(name: str, help_: str, samples: Iterable[Sample]) -> str:
    lines = [f"meshtui_{name}{_labels(labels)} {float(value):.10g}\n" for labels, value in samples]
    if not lines:
        return ""
    return f"# HELP meshtui_{name} {help_}\n# TYPE meshtui_{name} gauge\n{''.join(lines)}"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
