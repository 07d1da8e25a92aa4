"""What validation last said of each run, kept in the store; and how a person asks the runtime to validate now.

One `meta` row per run holds its newest result with the errors and their places, which the validation log's old format
has no field for. Every pass over all runs is one event `runs.validated`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from meshcore.model import Json
from meshcore.runs.validate import Verdict, summary
from meshcore.store.store import Store

RESULT = "validation:"  # + the run's path as ASCII: its newest result
REQUEST = "validate"
NAMED = 100  # failed runs that an event names; all are counted


@dataclass(frozen=True, slots=True)
class RunState:
    """The newest result of one run; `at` is when it was validated (UTC, seconds). Errors name their place."""

    run: str
    path: str
    status: str
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    at: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a person wants validated: `runs` by name, None for all; `root` is None for the runtime's own."""

    runs: tuple[str, ...] | None
    root: Path | None
    actor: str


def keep_results(store: Store, verdicts: Sequence[Verdict], *, root: Path, full: bool, actor: str = "") -> None:
    """Keep the results of a pass, with its event; a `full` one forgets the runs of its root that are gone."""
    with store.transaction():
        for verdict in verdicts:
            body = {**verdict.record(), "errors": list(verdict.errors)}
            store.meta.set(_key(verdict.path), json.dumps(body, ensure_ascii=True))
        if full:
            there = {verdict.run for verdict in verdicts}
            for state in latest_validations(store):
                if state.run not in there and Path(state.path).parent == root:
                    store.meta.drop(_key(state.path))
        failed = [verdict.run for verdict in verdicts if verdict.errors]
        data: dict[str, Json] = {"root": str(root), "full": full, "failed": failed[:NAMED], **summary(verdicts)}
        store.events.add("runs.validated", data=data | ({"actor": actor} if actor else {}))


def _key(path: str) -> str:
    return RESULT + json.dumps(path)[1:-1]


def latest_validations(store: Store) -> list[RunState]:
    """Return the newest result of every run, by path."""
    return states_of(store.meta.under(RESULT))


def states_of(metas: Mapping[str, str]) -> list[RunState]:
    """Read results from their rows: `metas(RESULT)` of a `Store` or an `AsyncStore`."""
    return [state for state in map(_state, metas.values()) if state is not None]


def _state(text: str) -> RunState | None:
    try:
        body = json.loads(text)
        run, path, status, at = (str(body[name]) for name in ("run", "path", "status", "timestamp"))
        return RunState(run, path, status, _texts(body["errors"]), _texts(body["warnings"]), at)
    except (ValueError, LookupError, TypeError):
        return None


def _texts(values: Iterable[Json]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def request_validation(store: Store, runs: Iterable[str] | None, actor: str, root: Path | None = None) -> None:
    """Ask the runtime of this home to validate `runs` (None: all) now; what was asked before and waits is kept."""
    with store.transaction():
        before = _request(store.controls.get(REQUEST))
        names = None if runs is None else tuple(dict.fromkeys(runs))
        if names is not None and before is not None and before.root == root:
            names = None if before.runs is None else tuple(dict.fromkeys((*before.runs, *names)))
        body = {"runs": names, "root": str(root) if root else None, "actor": actor}
        store.controls.request(REQUEST, json.dumps(body), actor, "validation.requested")


def take_request(store: Store) -> Request | None:
    """Take what was asked for, so that one process does it; None where nothing was."""
    return _request(store.controls.take(REQUEST))


def _request(text: str) -> Request | None:
    try:
        body = json.loads(text) if text else {}
        runs, root = body["runs"], body["root"]
        names = None if runs is None else _texts(runs)
        return Request(names, Path(root) if root else None, str(body["actor"]))
    except (ValueError, LookupError, TypeError):
        return None
