"""What looks wrong though it has its form is a warning."""

from __future__ import annotations

from typing import Any

from tests.core.runs import samples

from meshcore.runs.artifacts import GoldReview, gold_review, step_graph, trace_events
from meshcore.runs.crosscheck import differing_runs, odd_graph, odd_review


def odd(**changes: Any) -> list[str]:
    return list(odd_graph(step_graph(samples.graph() | changes)))


def review(**changes: Any) -> GoldReview:
    names = ["metadata", "execution_context", "run_observation", "metric_scores", "annotations", "verdict"]
    outcomes: dict[str, Any] = {"expected_outcomes": {"deliverables": [], "commands": []}}
    return gold_review({**dict.fromkeys(names), **outcomes, **changes})


def step(name: str, **changes: Any) -> dict[str, Any]:
    return {"id": name, "kind": "system", "status": "waiting", "started_at": samples.WHEN} | changes


def test_a_graph_that_hangs_together_has_nothing_odd() -> None:
    assert odd() == []


def test_an_edge_to_a_step_that_is_not_there_is_odd() -> None:
    assert odd(edges=[{"from": "fetch", "to": "gone"}]) == ["edges[0].to: there is no step 'gone'"]


def test_a_step_that_ends_before_it_starts_is_odd() -> None:
    late = step("a", started_at="2026-03-01T10:00:00+01:00", completed_at="2026-03-01 08:59:59Z")
    [line] = odd(steps=[step("b", children=[late])], edges=[])
    assert line.startswith("steps[0].children[0]: it ends at 2026-03-01 08:59:59Z, before it starts")


def test_a_leap_second_is_not_compared() -> None:
    leap = step("a", started_at="2016-12-31T23:59:60Z", completed_at="2016-12-31T00:00:00Z")
    assert odd(steps=[leap], edges=[]) == []


def test_an_id_twice_is_odd() -> None:
    assert odd(steps=[step("a"), step("a")], edges=[]) == ["steps[1].id: 'a' is there already"]


def test_a_cycle_is_odd_and_two_ways_to_one_step_are_not() -> None:
    steps = [step("a"), step("b"), step("c")]
    fork = [{"from": "a", "to": "b"}, {"from": "a", "to": "c"}, {"from": "b", "to": "c"}]
    assert odd(steps=steps, edges=fork) == []
    assert odd(steps=steps, edges=[*fork, {"from": "c", "to": "b"}]) == ["edges: a cycle through 'b'"]
    assert odd(steps=steps, edges=[{"from": "a", "to": "a"}]) == ["edges: a cycle through 'a'"]


def test_a_score_outside_0_to_1_is_odd() -> None:
    scores = {"fidelity": {"x": 1.2, "y": 1, "z": True}, "quality": {"lint_score": -0.1}, "cost": {"minutes": 7}}
    assert list(odd_review(review(metric_scores=scores))) == [
        "metric_scores.fidelity.x: 1.2 is outside 0..1",
        "metric_scores.quality.lint_score: -0.1 is outside 0..1",
    ]


def test_run_ids_that_differ_are_odd() -> None:
    graph, events = step_graph(samples.graph()), trace_events(samples.events())
    assert list(differing_runs(graph, events, review(run_observation={"build_id": "run-1"}))) == []
    assert list(differing_runs(None, None, None)) == []
    assert list(differing_runs(graph, events, review(metadata={"run_id": "other"}))) == [
        "the files speak of different runs: 'run-1' (step_graph.json), 'other' (gold_review.yaml)"
    ]
