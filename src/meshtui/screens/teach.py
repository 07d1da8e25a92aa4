"""Teaching from a failure itself: a person types what fixes it, and is told at once what will become of that."""

from __future__ import annotations

from meshcore.errors import MeshError, UsageError
from meshcore.exchange.receive import exchange
from meshcore.healing.replay import promise, what_becomes
from meshcore.healing.teaching import ran_since, teach_of
from meshcore.model import Incident
from meshcore.node import Node
from meshtui.host import Host
from meshtui.screens.ask import Ask


async def teach(host: Host, incident_id: str) -> None:
    """Ask what fixes an incident, learn it, and say what policy makes of it."""
    try:
        incident, since = await host.decide(lambda node: _asked(node, incident_id))
        question = f"Which command, or advice in words, fixes this?  {incident.signature.line}"
        fix = await host.push_screen_wait(Ask(question, value=since[0] if since else ""))
        if fix and fix.strip():
            host.say(await host.decide(lambda node: _learnt(node, incident, fix)))
    except MeshError as error:
        host.say(str(error), severity="error")


def _asked(node: Node, incident_id: str) -> tuple[Incident, list[str]]:
    incident = node.store.incidents.find(incident_id)
    if incident is None:
        raise UsageError("that incident is no longer kept")
    return incident, ran_since(node, incident)


def _learnt(node: Node, incident: Incident, fix: str) -> str:
    known, new = teach_of(node, incident.signature, fix, folder=incident.cwd)
    exchange(node)
    node.project()
    verdict = what_becomes(node, incident, known, incident.cwd)
    said = f"{'learnt' if new else 'known already'}: #{known.label}"
    if known.skill.action.kind == "advice":
        return f"{said}, as advice: it is shown and never executed"
    return f"{said}; {promise(verdict.decision, verdict.reasons, depends=verdict.depends)}"
