"""What looks wrong in artifacts that have their form: warnings, never a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from meshcore.model import Json

if TYPE_CHECKING:
    from meshcore.runs.artifacts import GoldReview, Step, StepGraph, TraceEvent

MAX_WARNINGS = 50  # of one kind


def odd_graph(graph: StepGraph) -> Iterator[str]:
    """Yield what looks wrong in a step graph."""
    seen: set[str] = set()
    for place, step in _steps(graph.steps, "steps"):
        if step.id in seen:
            yield f"{place}.id: {step.id!r:.60} is there already"
        seen.add(step.id)
        if _ends_before_it_starts(step):
            yield f"{place}: it ends at {step.completed_at}, before it starts at {step.started_at}"
    for number, edge in enumerate(graph.edges):
        for name, end in (("from", edge.origin), ("to", edge.target)):
            if end not in seen:
                yield f"edges[{number}].{name}: there is no step {end!r:.60}"
    if on_it := _on_a_cycle(graph):
        yield f"edges: a cycle through {on_it!r:.60}"


def odd_review(review: GoldReview) -> Iterator[str]:
    """Yield what looks wrong in a gold review."""
    scores = review.metric_scores
    if not isinstance(scores, dict):
        return
    for group, values in scores.items():
        for name, value in values.items() if isinstance(values, dict) else ():
            is_score = group == "fidelity" or name.endswith("score")
            if is_score and isinstance(value, (int, float)) and not isinstance(value, bool) and not 0 <= value <= 1:
                yield f"metric_scores.{group}.{name}: {value} is outside 0..1"


def differing_runs(
    graph: StepGraph | None, events: Sequence[TraceEvent] | None, review: GoldReview | None
) -> Iterator[str]:
    """Yield a warning where the three files speak of different runs; what is None is not there or not valid."""
    found: dict[str, str] = {}
    if graph is not None:
        found.setdefault(graph.run_context.run_id, "step_graph.json")
    for event in events or ():
        found.setdefault(event.run_id, "trace_events.json")
    if review is not None and (run := _run_of(review)):
        found.setdefault(run, "gold_review.yaml")
    if len(found) > 1:
        said = [f"{run!r:.60} ({where})" for run, where in list(found.items())[:5]]
        yield f"the files speak of different runs: {', '.join(said)}{' …' if len(found) > 5 else ''}"


def _run_of(review: GoldReview) -> str:
    observed = review.run_observation
    for part, key in ((observed, "run_id"), (observed, "build_id"), (review.metadata, "run_id")):
        value: Json = part.get(key) if isinstance(part, dict) else None
        if isinstance(value, str) and value:
            return value
    return ""


def _steps(steps: Sequence[Step], place: str) -> Iterator[tuple[str, Step]]:
    waiting = [(f"{place}[{number}]", step) for number, step in reversed(list(enumerate(steps)))]
    while waiting:
        where, step = waiting.pop()
        yield where, step
        for number, child in reversed(list(enumerate(step.children))):
            waiting.append((f"{where}.children[{number}]", child))


def _ends_before_it_starts(step: Step) -> bool:
    if step.completed_at is None:
        return False
    try:
        return datetime.fromisoformat(step.completed_at.upper()) < datetime.fromisoformat(step.started_at.upper())
    except (ValueError, TypeError):  # a leap second, say: valid, but not a time that can be compared
        return False


def _on_a_cycle(graph: StepGraph) -> str:
    """Return a step on or behind a cycle of the edges, "" where there is none."""
    following: dict[str, list[str]] = {}
    entering: dict[str, int] = {}
    for edge in graph.edges:
        following.setdefault(edge.origin, []).append(edge.target)
        entering.setdefault(edge.origin, 0)
        entering[edge.target] = entering.get(edge.target, 0) + 1
    free = [step for step, count in entering.items() if not count]
    while free:
        step = free.pop()
        del entering[step]
        for target in following.get(step, ()):
            entering[target] -= 1
            if not entering[target]:
                free.append(target)
    return next(iter(entering), "")
