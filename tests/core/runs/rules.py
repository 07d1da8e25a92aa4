"""The rules of the artifacts once more, as JSON Schemas for another validator: slow, written from the rules."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
URI: Schema = {"type": "string", "format": "uri"}
WHEN: Schema = {"type": "string", "format": "date-time"}
WHEN_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ANY: Schema = {}


def one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def many(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def form(required: dict[str, Schema], optional: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": required | optional,
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


ARTIFACT_TYPES = ("log", "file", "dataset", "deployment", "report")
ARTIFACT = form(
    {"uri": URI, "type": one_of(*ARTIFACT_TYPES)}, {"checksum": TEXT, "size_bytes": COUNT, "description": TEXT}
)
IO = form(
    {"name": TEXT, "type": one_of("text", "file", "url", "command", "json", "secret", "metric")},
    {"value": ANY, "sensitive": {"type": "boolean"}, "metadata": {"type": "object"}},
)
KINDS = "ingest_metadata transcribe segment extract_actions rag_ground execute verify publish human_review system"
STEP = form(
    {
        "id": TEXT,
        "kind": one_of(*KINDS.split()),
        "status": one_of("waiting", "running", "succeeded", "failed", "skipped", "cancelled"),
        "started_at": WHEN,
    },
    {
        "display_name": TEXT,
        "completed_at": WHEN_OR_NULL,
        "retries": COUNT,
        "inputs": many(IO),
        "outputs": many(IO),
        "tool_invocation": form(
            {},
            {
                "model": TEXT,
                "tool": TEXT,
                "prompt_tokens": COUNT,
                "completion_tokens": COUNT,
                "cost_usd": {"type": "number", "minimum": 0},
            },
        ),
        "artifacts": many(ARTIFACT),
        "children": many(ref("step")),
        "notes": TEXT,
    },
)
EDGE = form({"from": TEXT, "to": TEXT}, {"condition": form({}, {"type": TEXT, "value": ANY})})
STEP_GRAPH = form(
    {
        # Python's $ would let a line feed through.
        "schema_version": {"type": "string", "pattern": r"^v[0-9]+\.[0-9]+$(?!\n)"},
        "graph_id": TEXT,
        "run_context": form(
            {"video_url": URI, "run_id": TEXT, "initiated_at": WHEN},
            {
                "initiator": TEXT,
                "stack": form({}, {"language": TEXT, "framework": TEXT, "runtime_version": TEXT}),
                "notes": TEXT,
            },
        ),
        "steps": {**many(ref("step")), "minItems": 1},
    },
    {"edges": many(EDGE)},
) | {"$defs": {"step": STEP}}

PAYLOADS = [
    form(
        {"status": one_of("queued", "running", "succeeded", "failed", "cancelled")},
        {"video_url": URI, "initiator": TEXT},
    ),
    form(
        {"step_id": TEXT},
        {
            "step_kind": TEXT,
            "status": TEXT,
            "message": TEXT,
            "started_at": WHEN,
            "completed_at": WHEN_OR_NULL,
            "retry_count": COUNT,
        },
    ),
    form(
        {"artifact_id": TEXT, "artifact_type": one_of(*ARTIFACT_TYPES), "uri": URI},
        {"description": TEXT},
    ),
    form({"stream": one_of("stdout", "stderr", "system"), "text": TEXT}, {"sequence": COUNT}),
    form(
        {"action_id": TEXT, "state": one_of("requested", "acknowledged", "completed", "declined")},
        {"instructions": TEXT, "response": TEXT},
    ),
    form({"name": TEXT, "value": ANY}, {"unit": TEXT}),
    form(
        {"alert_id": TEXT, "status": one_of("raised", "cleared")},
        {
            "category": one_of("policy", "security", "runtime", "inference", "other"),
            "message": TEXT,
            "severity": one_of("info", "warning", "error", "critical"),
        },
    ),
]
EVENTS = (
    "run.created run.status.updated agent.step.started agent.step.completed agent.step.failed artifact.generated "
    "log.appended human.action.requested human.action.completed metric.updated alert.raised alert.cleared"
)
TRACE_EVENTS = many(
    form(
        {"event_id": TEXT, "event_type": one_of(*EVENTS.split()), "emitted_at": WHEN, "run_id": TEXT},
        {
            "severity": one_of("debug", "info", "warning", "error", "critical"),
            "source": form({"component": TEXT}, {"agent_id": TEXT, "version": TEXT}),
            "payload": {"type": "object", "oneOf": PAYLOADS},
            "correlation_id": TEXT,
        },
    )
)
