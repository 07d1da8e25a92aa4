"""What records say of what happened here. Light: hooks announce incidents too."""

from __future__ import annotations

from meshcore.model import TEXT_LIMIT, Incident, Json


def summary(incident: Incident) -> dict[str, Json]:
    """Return what others are told of an incident: what failed and how it read, without its output."""
    return {
        "incident_id": incident.incident_id,
        "opened": incident.opened,
        "agent": incident.agent.name,
        "via": incident.agent.via,
        "host": incident.agent.host,
        "program": incident.argv[0][:TEXT_LIMIT] if incident.argv else "",
        "error_type": incident.signature.error_type,
        "template": incident.signature.template[:TEXT_LIMIT],
        "line": incident.signature.line[:TEXT_LIMIT],
        "exit_code": incident.exit_code,
    }
