"""Artifacts that use every part of the rules, made for tests, and a folder of runs."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

WHEN = "2026-03-01T10:00:00Z"
LATER = "2026-03-01T10:00:05.250+00:00"

STEP: dict[str, Any] = {
    "id": "fetch",
    "display_name": "Fetch",
    "kind": "ingest_metadata",
    "status": "succeeded",
    "started_at": WHEN,
    "completed_at": LATER,
    "retries": 0,
    "inputs": [{"name": "url", "type": "url", "value": {"any": [None]}, "sensitive": False, "metadata": {"free": 1}}],
    "outputs": [],
    "tool_invocation": {"model": "m", "tool": "t", "prompt_tokens": 1, "completion_tokens": 2, "cost_usd": 0.5},
    "artifacts": [{"uri": "file:///tmp/x", "type": "log", "checksum": "c", "size_bytes": 3, "description": "d"}],
    "children": [{"id": "inner", "kind": "system", "status": "waiting", "started_at": WHEN, "completed_at": None}],
    "notes": "n",
}
GRAPH: dict[str, Any] = {
    "schema_version": "v1.0",
    "graph_id": "g",
    "run_context": {
        "video_url": "https://example.org/v?x=1",
        "run_id": "run-1",
        "initiated_at": WHEN,
        "initiator": "me",
        "stack": {"language": "python", "framework": "f", "runtime_version": "3"},
        "notes": "n",
    },
    "steps": [STEP],
    "edges": [{"from": "fetch", "to": "inner", "condition": {"type": "always", "value": None}}],
}
PAYLOADS: list[dict[str, Any]] = [
    {"status": "queued", "video_url": "https://example.org/v", "initiator": "me"},
    {
        "step_id": "fetch",
        "step_kind": "any",
        "status": "any",
        "message": "m",
        "started_at": WHEN,
        "completed_at": None,
        "retry_count": 1,
    },
    {"artifact_id": "a", "artifact_type": "report", "uri": "gs://bucket/x", "description": "d"},
    {"stream": "stdout", "text": "t", "sequence": 4},
    {"action_id": "a", "state": "requested", "instructions": "i", "response": "r"},
    {"name": "m", "value": None, "unit": "s"},
    {"alert_id": "a", "status": "raised", "category": "policy", "message": "m", "severity": "info"},
]
EVENTS: list[dict[str, Any]] = [
    {
        "event_id": f"e{number}",
        "event_type": "run.created",
        "emitted_at": WHEN,
        "run_id": "run-1",
        "severity": "debug",
        "source": {"component": "c", "agent_id": "a", "version": "1"},
        "payload": payload,
        "correlation_id": "x",
    }
    for number, payload in enumerate(PAYLOADS)
]
REVIEW = """\
metadata: {evaluator: me}
execution_context: null
expected_outcomes:
  deliverables: [{path: a.py}]
  commands: []
run_observation:
  build_id: run-1
metric_scores:
  fidelity: {accuracy: 0.9}
  efficiency: {minutes: 7.8}
annotations: []
verdict:
  pass: true
"""


def graph() -> Any:
    """Return a graph that may be changed."""
    return copy.deepcopy(GRAPH)


def events() -> Any:
    """Return events that may be changed."""
    return copy.deepcopy(EVENTS)


def write_run(root: Path, name: str = "run-1") -> Path:
    """Write a valid run below a root; return its folder."""
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "step_graph.json").write_text(json.dumps(GRAPH))
    (folder / "trace_events.json").write_text(json.dumps(EVENTS))
    (folder / "gold_review.yaml").write_text(REVIEW)
    return folder
