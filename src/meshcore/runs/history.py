"""What validation last said of each run, kept in the store; and how a person asks the runtime to validate now.

One row per run holds its newest result with the errors and their places, which the validation log's old format has no
field for. Every pass over all runs is one event `runs.validated`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from meshcore.model import Json
from meshcore.runs.validate import Verdict, summary
from meshcore.store.store import Store
from meshcore.store.views import run_results

REQUEST = "validate"
NAMED = 100  # failed runs that an event names; all are counted


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
            store.run_results.put(
                verdict.path, verdict.status, verdict.timestamp, errors=verdict.errors, warnings=verdict.warnings
            )
        if full:
            there = {verdict.run for verdict in verdicts}
            for result in store.answers(run_results()):
                if result.run not in there and Path(result.path).parent == root:
                    store.run_results.drop(result.path)
        failed = [verdict.run for verdict in verdicts if verdict.errors]
        data: dict[str, Json] = {"root": str(root), "full": full, "failed": failed[:NAMED], **summary(verdicts)}
        store.events.add("runs.validated", data=data | ({"actor": actor} if actor else {}))


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
