"""Where the evidence of a command comes from: this node, or exports that are named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from meshcore.clock import SystemClock
from meshcore.errors import UsageError
from meshcore.evidence.monitor import LOG_NAME as MONITOR_LOG
from meshcore.evidence.slice import Slice, gather_slice, is_slice, origin, read_slice, slice_of_log
from meshcore.runs.validate import LOG_NAME as VALIDATION_LOG
from meshtui.cli.context import Session

DEFAULT_RUNS = Path("workflow_results/runs")  # where `meshtui validate` looks
SLICE_FOLDER = "slice"  # inside an export


def own_slice(
    session: Session,
    since: datetime | None = None,
    until: datetime | None = None,
    validation_logs: Sequence[Path] = (),
) -> Slice:
    """Return the slice of this node, after what others have told was taken up. Raises MeshError."""
    with session.node(fresh=True) as node:
        identity = node.identity
        about = origin(
            identity.node.public,
            node.name,
            session.settings.host,
            identity.operator,
            node.clock.now(),
            session.settings.labels,
        )
        runs = session.settings.validator.runs_root or DEFAULT_RUNS
        return gather_slice(
            node.store,
            about,
            since=since,
            until=until,
            monitor_logs=[node.home.root / MONITOR_LOG],
            validation_logs=validation_logs or [runs / VALIDATION_LOG],
        )


def slice_of_export(path: Path) -> Slice:
    """Return the slice of an export, of a folder that holds one, or of a monitor's log. Raises MeshError."""
    if path.is_dir():
        for folder in (path / SLICE_FOLDER, path):
            if is_slice(folder):
                return read_slice(folder)
        raise UsageError(f"{path}: holds no slice; name the folder that `meshtui evidence export` wrote")
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder; name an export or a monitor's log")
    return slice_of_log(path, SystemClock().now())
