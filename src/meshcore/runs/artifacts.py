"""The three artifacts of a run as pydantic models: no coercion, no key beyond those named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from meshcore.model import Json
from meshcore.runs.formats import Amount, Anything, Count, DateTime, Uri
from meshcore.runs.reading import FaultsError

MAX_ERRORS = 100  # of one artifact; what is left is counted
MAX_PLACE = 200  # characters


def _present(value: object) -> object:
    if value is None:
        raise PydanticCustomError("null", "must not be null: leave the key out")
    return value


T = TypeVar("T")
Maybe = Annotated[T | None, BeforeValidator(_present)]
"""A key that may be left out (then the value is None) but not be null."""

ArtifactType = Literal["log", "file", "dataset", "deployment", "report"]
SchemaVersion = Annotated[str, Field(pattern=r"\Av[0-9]+\.[0-9]+\z")]


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, protected_namespaces=())


class Stack(_Model):
    language: Maybe[str] = None
    framework: Maybe[str] = None
    runtime_version: Maybe[str] = None


class RunContext(_Model):
    video_url: Uri
    run_id: str
    initiated_at: DateTime
    initiator: Maybe[str] = None
    stack: Maybe[Stack] = None
    notes: Maybe[str] = None


class InputOutput(_Model):
    name: str
    type: Literal["text", "file", "url", "command", "json", "secret", "metric"]
    value: Anything = None
    sensitive: Maybe[bool] = None
    metadata: Maybe[dict[str, Anything]] = None


class Artifact(_Model):
    uri: Uri
    type: ArtifactType
    checksum: Maybe[str] = None
    size_bytes: Maybe[Count] = None
    description: Maybe[str] = None


class ToolInvocation(_Model):
    model: Maybe[str] = None
    tool: Maybe[str] = None
    prompt_tokens: Maybe[Count] = None
    completion_tokens: Maybe[Count] = None
    cost_usd: Maybe[Amount] = None


class Step(_Model):
    id: str
    kind: Literal[
        "ingest_metadata",
        "transcribe",
        "segment",
        "extract_actions",
        "rag_ground",
        "execute",
        "verify",
        "publish",
        "human_review",
        "system",
    ]
    status: Literal["waiting", "running", "succeeded", "failed", "skipped", "cancelled"]
    started_at: DateTime
    display_name: Maybe[str] = None
    completed_at: DateTime | None = None
    retries: Maybe[Count] = None
    inputs: list[InputOutput] = []
    outputs: list[InputOutput] = []
    tool_invocation: Maybe[ToolInvocation] = None
    artifacts: list[Artifact] = []
    children: list[Step] = []
    notes: Maybe[str] = None


class Condition(_Model):
    type: Maybe[str] = None
    value: Anything = None


class Edge(_Model):
    origin: str = Field(alias="from")
    target: str = Field(alias="to")
    condition: Maybe[Condition] = None


class StepGraph(_Model):
    schema_version: SchemaVersion
    graph_id: str
    run_context: RunContext
    steps: list[Step] = Field(min_length=1)
    edges: list[Edge] = []


class RunPayload(_Model):
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    video_url: Maybe[Uri] = None
    initiator: Maybe[str] = None


class StepPayload(_Model):
    step_id: str
    step_kind: Maybe[str] = None
    status: Maybe[str] = None
    message: Maybe[str] = None
    started_at: Maybe[DateTime] = None
    completed_at: DateTime | None = None
    retry_count: Maybe[Count] = None


class ArtifactPayload(_Model):
    artifact_id: str
    artifact_type: ArtifactType
    uri: Uri
    description: Maybe[str] = None


class LogPayload(_Model):
    stream: Literal["stdout", "stderr", "system"]
    text: str
    sequence: Maybe[Count] = None


class HumanPayload(_Model):
    action_id: str
    state: Literal["requested", "acknowledged", "completed", "declined"]
    instructions: Maybe[str] = None
    response: Maybe[str] = None


class MetricPayload(_Model):
    name: str
    value: Anything
    unit: Maybe[str] = None


class AlertPayload(_Model):
    alert_id: str
    status: Literal["raised", "cleared"]
    category: Maybe[Literal["policy", "security", "runtime", "inference", "other"]] = None
    message: Maybe[str] = None
    severity: Maybe[Literal["info", "warning", "error", "critical"]] = None


# Each payload but that of a run requires a key that no other one allows: the first one present tells which is meant.
_TELLING = {
    "step_id": "step payload",
    "artifact_id": "artifact payload",
    "stream": "log payload",
    "action_id": "human payload",
    "name": "metric payload",
    "alert_id": "alert payload",
}
_RUN = "run payload"
_TAGS = frozenset({*_TELLING.values(), _RUN})


def _kind_of_payload(value: object) -> str:
    if isinstance(value, dict):
        for key, kind in _TELLING.items():
            if key in value:
                return kind
    return _RUN


Payload = Annotated[
    Annotated[RunPayload, Tag(_RUN)]
    | Annotated[StepPayload, Tag("step payload")]
    | Annotated[ArtifactPayload, Tag("artifact payload")]
    | Annotated[LogPayload, Tag("log payload")]
    | Annotated[HumanPayload, Tag("human payload")]
    | Annotated[MetricPayload, Tag("metric payload")]
    | Annotated[AlertPayload, Tag("alert payload")],
    Discriminator(_kind_of_payload),
]


class Source(_Model):
    component: str
    agent_id: Maybe[str] = None
    version: Maybe[str] = None


class TraceEvent(_Model):
    event_id: str
    event_type: Literal[
        "run.created",
        "run.status.updated",
        "agent.step.started",
        "agent.step.completed",
        "agent.step.failed",
        "artifact.generated",
        "log.appended",
        "human.action.requested",
        "human.action.completed",
        "metric.updated",
        "alert.raised",
        "alert.cleared",
    ]
    emitted_at: DateTime
    run_id: str
    severity: Maybe[Literal["debug", "info", "warning", "error", "critical"]] = None
    source: Maybe[Source] = None
    payload: Maybe[Payload] = None
    correlation_id: Maybe[str] = None


class ExpectedOutcomes(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    deliverables: list[Anything]
    commands: list[Anything]


class GoldReview(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    metadata: Anything
    execution_context: Anything
    expected_outcomes: ExpectedOutcomes
    run_observation: Anything
    metric_scores: Anything
    annotations: Anything
    verdict: Anything


_STEP_GRAPH = TypeAdapter(StepGraph)
_TRACE_EVENTS = TypeAdapter(list[TraceEvent])
_GOLD_REVIEW = TypeAdapter(GoldReview)


def step_graph(value: Json) -> StepGraph:
    """Return the graph that a JSON value is. Raises FaultsError."""
    return _checked(_STEP_GRAPH, value)


def trace_events(value: Json) -> list[TraceEvent]:
    """Return the events that a JSON value is. Raises FaultsError."""
    return _checked(_TRACE_EVENTS, value)


def gold_review(value: Json) -> GoldReview:
    """Return the review that a YAML value is. Raises FaultsError."""
    return _checked(_GOLD_REVIEW, value)


def _checked(form: TypeAdapter[T], value: Json) -> T:
    try:
        return form.validate_python(value, strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=True, include_input=False)
        lines = [_line(detail) for detail in found[:MAX_ERRORS]]
        if len(found) > MAX_ERRORS:
            lines.append(f"and {len(found) - MAX_ERRORS} more")
        raise FaultsError(lines) from None


_WORDS = {
    "missing": "required, but not there",
    "extra_forbidden": "no such key is known here",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "too_short": "must not be empty",
    "string_pattern_mismatch": "must have the form v<number>.<number>",
    "recursion_loop": "nested too deep",
}


def _line(detail: ErrorDetails) -> str:
    words = _WORDS.get(detail["type"], detail["msg"])
    if detail["type"] == "literal_error":
        words = f"must be one of {detail['ctx']['expected']}"
    where = place(detail["loc"])
    return f"{where}: {words}" if where else words


def place(location: Sequence[int | str]) -> str:
    """Return a place in an artifact as people write it, for example `steps[2].children[0].kind`."""
    text = ""
    before: int | str = ""
    for item in location:
        if isinstance(item, int):
            text += f"[{item}]"
        elif not (before == "payload" and item in _TAGS):
            text += f".{item}" if text else item
        before = item
    return text if len(text) <= MAX_PLACE else text[: MAX_PLACE - 1] + "…"
