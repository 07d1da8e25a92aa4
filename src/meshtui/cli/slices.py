"""Where the evidence of a command comes from: this node, or exports that are named."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from meshcore.clock import SystemClock, to_text
from meshcore.errors import MeshError, UsageError
from meshcore.evidence.bundle import SLICE, SUMS, Material, verify_bundle
from meshcore.evidence.database import database_figures
from meshcore.evidence.monitor.jsonl import read_lines
from meshcore.evidence.monitor.manifest import examine_files
from meshcore.evidence.monitor.manifest import render as render_manifest
from meshcore.evidence.monitor.monitor import LOG_NAME as MONITOR_LOG
from meshcore.evidence.monitor.monitor import Scene, evidence_files
from meshcore.evidence.slice.codec import clean, clean_json
from meshcore.evidence.slice.gather import Slice, gather_slice, is_slice, moment_of, origin, read_slice, slice_of_log
from meshcore.evidence.slice.pseudonyms import Pseudonyms, names_in, pseudonymise
from meshcore.model import Json
from meshcore.node import Node
from meshcore.runs.passes import DEFAULT_ROOT
from meshcore.runs.validate import LOG_NAME as VALIDATION_LOG
from meshtui.cli.context import Session


def own_slice(
    session: Session,
    since: datetime | None = None,
    until: datetime | None = None,
    validation_logs: Sequence[Path] = (),
) -> Slice:
    """Return the slice of this node, after what others have told was taken up. Raises MeshError."""
    with session.node(fresh=True) as node:
        return slice_of_node(node, since, until, validation_logs)


def slice_of_node(
    node: Node, since: datetime | None, until: datetime | None, validation_logs: Sequence[Path] = ()
) -> Slice:
    """Return the slice of an open node. Raises MeshError."""
    identity, settings = node.identity, node.settings
    public, now = identity.node.public, node.clock.now()
    return gather_slice(
        node.store,
        origin(public, node.name, settings.host, identity.operator, now, settings.labels),
        since=since,
        until=until,
        monitor_logs=[node.home.root / MONITOR_LOG],
        validation_logs=validation_logs or _usual_validation_logs(node),
    )


def _usual_validation_logs(node: Node) -> tuple[Path, ...]:
    root = node.settings.validator.runs_root or Path(DEFAULT_ROOT)
    return root / VALIDATION_LOG, node.home.root / VALIDATION_LOG


def slice_of_export(path: Path) -> Slice:
    """Return the slice of an export, which must hold, of a folder of one, or of a monitor's log. Raises MeshError."""
    if path.is_dir():
        if os.path.lexists(path / SUMS):
            verified = verify_bundle(path)
            if verified.faults or verified.slice is None:
                more = f" ({len(verified.faults)} faults; see `meshtui evidence verify`)"
                raise MeshError(f"{path}: does not hold: {verified.faults[0]}{more}")
            return verified.slice
        for folder in (path / SLICE, path):
            if is_slice(folder):
                return read_slice(folder)
        raise UsageError(f"{path}: holds no slice; name the folder that `meshtui evidence export` wrote")
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder; name an export or a monitor's log")
    return slice_of_log(path, SystemClock().now())


def material_of(
    node: Node,
    since: datetime | None = None,
    until: datetime | None = None,
    validation_logs: Sequence[Path] = (),
    *,
    pseudonyms: bool = False,
) -> Material:
    """Return what an export of a node is made of, its texts ready to leave. Raises MeshError."""
    home, now = node.home, node.clock.now()
    logs = {
        "monitor_log.jsonl": [home.root / MONITOR_LOG],
        "validation_log.jsonl": list(validation_logs or _usual_validation_logs(node)),
    }
    found = slice_of_node(node, since, until, validation_logs)
    words = Pseudonyms(node.identity.node.seed, [*names_in(found), *_names_here(node)]) if pseudonyms else None
    lines = {name: list(_log_lines(paths, since, until)) for name, paths in logs.items()}
    paths = evidence_files(Scene(home, node.settings.bridge, node.store), home.root / MONITOR_LOG).values()
    facts = [replace(fact, path=Path(fact.path.name)) for fact in examine_files(list(paths))]
    database = clean_json(database_figures(node.store, node.settings.bridge, node.bridge, node.bridge_fault))
    return Material(
        slice=found if words is None else pseudonymise(found, words),
        database=database if words is None else words.value(database),
        logs=lines if words is None else {name: [words.value(line) for line in kept] for name, kept in lines.items()},
        home_manifest=render_manifest(node.store.skills.all(), facts, now),
        made_at=to_text(now),
        name=clean(node.name) if words is None else words.text(clean(node.name)),
        pseudonyms=pseudonyms,
        since="" if since is None else to_text(since),
        until="" if until is None else to_text(until),
    )


def _names_here(node: Node) -> Iterator[tuple[str, str]]:
    """Yield the names of this machine and user that texts may hold though no row gives them as such."""
    yield from (("host", socket.gethostname()), ("host", node.settings.host), ("agent", node.settings.agent))
    yield from (("home", str(Path.home())), ("home", os.environ.get("HOME", "")))
    with suppress(KeyError, OSError):
        yield "user", getpass.getuser()


def _log_lines(paths: Iterable[Path], since: datetime | None, until: datetime | None) -> Iterator[Mapping[str, Json]]:
    """Yield the lines of logs that lie in a range, without secrets; a line without a time is kept with the whole."""
    for path in filter(Path.is_file, paths):
        for line in read_lines(path):
            at = moment_of(line.value.get("timestamp")) if line.value is not None else None
            outside = at is None or (since is not None and at < since) or (until is not None and at >= until)
            if line.value is None or (outside and (since or until)):
                continue
            with suppress(ValueError):
                yield clean_json(line.value)
