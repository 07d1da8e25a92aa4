"""The hosts of this operator's nodes, told apart by the nodes' own signed records, never by what is free text.

A host is a machine. A node's signs of life carry a mark of its machine, and the first that it named stays: its key
speaks for one host. Where a node tells no mark (an older version, a host that was given its name by MESHTUI_HOST), the
name that its record first gave counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshcore.errors import UsageError
from meshcore.model import Outcome
from meshcore.node import Node


@dataclass(frozen=True, slots=True)
class Host:
    """One machine: what it is called here, the names that its nodes gave, its mark ("" for none), and its nodes' keys.

    `name` is unique: where two machines have one name, the later one's is followed by the beginning of its mark.
    """

    name: str
    called: tuple[str, ...]
    machine: str
    nodes: tuple[str, ...]

    @property
    def host_id(self) -> str:
        """Return what a claim names it by."""
        return self.machine or self.called[0]


class Hosts:
    """The hosts of own nodes as this node has heard of them, this one included."""

    def __init__(self, node: Node) -> None:
        me = node.identity.node.public
        rows = [(me, node.settings.host, node.machine)]
        rows += [row for row in node.store.chains.machines() if row[0] != me]
        self.all = _hosts(rows)
        self._of = {key: host for host in self.all for key in host.nodes}

    def of(self, key: str) -> Host | None:
        """Return the host of an own node, None for any other key."""
        return self._of.get(key)

    def of_outcome(self, outcome: Outcome) -> str:
        """Return the name of the host that an outcome counts for: that of its author's record."""
        found = self._of.get(outcome.node)
        return found.name if found is not None else outcome.host

    def id_of_outcome(self, outcome: Outcome) -> str:
        """Return what a claim names that host by."""
        found = self._of.get(outcome.node)
        return found.host_id if found is not None else outcome.host

    def find(self, reference: str) -> Host:
        """Return the host that a name, or the beginning of its mark, means. Raises UsageError for none or several."""
        found = [host for host in self.all if reference in host.called] or [
            host
            for host in self.all
            if host.name == reference or (len(reference) >= 6 and host.machine.startswith(reference))
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(f"no host is called {reference!r:.80}; `meshtui nodes` lists them")
        marks = ", ".join(host.machine[:8] or "one without a mark" for host in found)
        raise UsageError(f"several hosts are called {reference!r:.80}; name one by its mark: {marks}")

    def twins(self, host: Host) -> list[Host]:
        """Return the other machines that go by a name of this one."""
        return [one for one in self.all if one is not host and set(one.called) & set(host.called)]


def _hosts(rows: list[tuple[str, str, str]]) -> list[Host]:
    marks: dict[str, set[str]] = {}
    for _, name, machine in rows:
        marks.setdefault(name, set()).update({machine} - {""})
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for key, name, machine in rows:
        # A node that tells no mark is on the one machine of its name, where there is only one.
        mark = machine or (next(iter(marks[name])) if len(marks[name]) == 1 else "")
        groups.setdefault(mark or f"={name}", []).append((key, name, mark))
    taken: set[str] = set()
    found = []
    for members in groups.values():
        _, first, mark = members[0]
        name = first if first not in taken else f"{first} ({mark[:8] or 'no mark'})"
        taken.add(name)
        called = tuple(dict.fromkeys(member[1] for member in members))
        found.append(Host(name, called, mark, tuple(member[0] for member in members)))
    return found
