"""What validation last said of each run is read from the store, and a person can ask for it anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from meshcore.runs.history import (
    Request,
    keep_results,
    request_validation,
    take_request,
)
from meshcore.runs.validate import Verdict
from meshcore.store.async_store import AsyncStore
from meshcore.store.store import Store
from meshcore.store.views import run_results

AT = "2026-11-22T08:00:00+00:00"


def verdict(root: Path, run: str, *errors: str) -> Verdict:
    return Verdict(run, str(root / run), errors, ("gold_review.yaml: missing, not checked",), AT)


def test_the_newest_result_of_a_run_is_kept_with_its_errors_and_their_places(store: Store, tmp_path: Path) -> None:
    keep_results(store, [verdict(tmp_path, "a", "step_graph.json: steps[2].kind: odd")], root=tmp_path, full=True)
    [state] = store.answers(run_results())
    assert (state.run, state.status, state.at) == ("a", "failed", AT)
    assert state.errors == ("step_graph.json: steps[2].kind: odd",)
    keep_results(store, [verdict(tmp_path, "a")], root=tmp_path, full=False)
    [state] = store.answers(run_results())
    assert (state.status, state.errors) == ("passed", ())


def test_a_full_pass_forgets_runs_of_its_root_that_are_gone_and_no_others(store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    keep_results(store, [verdict(tmp_path, "a"), verdict(tmp_path, "b")], root=tmp_path, full=True)
    keep_results(store, [verdict(elsewhere, "a")], root=elsewhere, full=True)
    keep_results(store, [verdict(tmp_path, "b")], root=tmp_path, full=True)
    assert [state.path for state in store.answers(run_results())] == [str(tmp_path / "b"), str(elsewhere / "a")]


@pytest.mark.parametrize("run", ["a\nb\x1b[31m", "n\udce4me", "käse", "a%b_c"])
def test_a_run_of_any_name_is_kept_and_forgotten(store: Store, tmp_path: Path, run: str) -> None:
    keep_results(store, [verdict(tmp_path, run)], root=tmp_path, full=True)
    assert [state.run for state in store.answers(run_results())] == [run]
    keep_results(store, [], root=tmp_path, full=True)
    assert store.answers(run_results()) == []


def test_a_pass_is_an_event_that_names_what_failed(store: Store, tmp_path: Path) -> None:
    keep_results(
        store, [verdict(tmp_path, "a"), verdict(tmp_path, "b", "x: wrong")], root=tmp_path, full=True, actor="ann"
    )
    [event] = store.events.after(0)
    assert event.kind == "runs.validated"
    assert event.data == {
        "root": str(tmp_path),
        "full": True,
        "failed": ["b"],
        "passed": 1,
        "total": 2,
        "actor": "ann",
    }


def test_a_row_that_cannot_be_read_costs_only_itself(store: Store, tmp_path: Path) -> None:
    keep_results(store, [verdict(tmp_path, "a")], root=tmp_path, full=True)
    with store.transaction():
        for path, errors, warnings in (("broken", "{half", "[]"), ("odd", "[]", "")):
            store.database.execute("INSERT INTO run_results VALUES (?,?,?,?,?)", (path, "passed", "", errors, warnings))
    assert [state.run for state in store.answers(run_results())] == ["a"]


def test_the_terminal_reads_the_same_over_its_own_connection(store: Store, tmp_path: Path) -> None:
    keep_results(store, [verdict(tmp_path, "a", "x: wrong")], root=tmp_path, full=True)

    async def read() -> list[str]:
        async with await AsyncStore.open(store.path) as reader:
            return [state.run for state in await reader.ask(run_results())]

    assert asyncio.run(read()) == ["a"]


def test_a_request_is_taken_once_and_says_who_asked(store: Store, tmp_path: Path) -> None:
    request_validation(store, ["a"], "ann", tmp_path)
    other = Store(store.path, store.clock)
    try:
        assert take_request(other) == Request(("a",), tmp_path, "ann")
    finally:
        other.close()
    assert take_request(store) is None
    [event] = store.events.after(0)
    assert (event.kind, event.data["actor"]) == ("validation.requested", "ann")


def test_what_waits_is_not_lost_when_more_is_asked_for(store: Store) -> None:
    request_validation(store, ["a", "b"], "ann")
    request_validation(store, ["b", "c"], "bob")
    assert take_request(store) == Request(("a", "b", "c"), None, "bob")
    request_validation(store, None, "ann")
    request_validation(store, ["a"], "bob")
    assert take_request(store) == Request(None, None, "bob")
