"""Validation of run folders: one verdict a run, a line of the validation log for each."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from meshcore.clock import Clock
from meshcore.errors import UsageError
from meshcore.filelock import wait_for_lock
from meshcore.model import Json
from meshcore.runs.crosscheck import MAX_WARNINGS, differing_runs, odd_graph, odd_review
from meshcore.runs.reading import MAX_JSON_BYTES, MAX_YAML_BYTES, FaultsError, Read, ReadError, parse_json, read_bytes

STEP_GRAPH: Final = "step_graph.json"
TRACE_EVENTS: Final = "trace_events.json"
GOLD_REVIEW: Final = "gold_review.yaml"
ARTIFACTS: Final = (STEP_GRAPH, TRACE_EVENTS, GOLD_REVIEW)
LOG_NAME: Final = "validation_log.jsonl"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What validation says of one run; `timestamp` is that of the pass (UTC, seconds)."""

    run: str
    path: str
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    timestamp: str

    @property
    def status(self) -> Literal["passed", "failed"]:
        return "failed" if self.errors else "passed"

    def record(self) -> dict[str, Json]:
        """Return the line of the validation log."""
        return {
            "run": self.run,
            "path": self.path,
            "status": self.status,
            "warnings": list(self.warnings),
            "timestamp": self.timestamp,
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """The runs below a root by name, and links that are not followed with the reason."""

    runs: tuple[str, ...]
    skipped: dict[str, str] = field(default_factory=dict)


def stamp(clock: Clock) -> str:
    """Return the time of a pass, for example `2025-11-04T09:24:57+00:00`."""
    return clock.now().isoformat(timespec="seconds")


def list_runs(root: Path) -> Listing:
    """Return the runs of a root (resolved): its folders, and links to folders below it. Raises UsageError."""
    runs: list[str] = []
    skipped: dict[str, str] = {}
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                if entry.is_symlink():
                    reason = _why_not(root, Path(entry.path))
                    if reason is None:
                        runs.append(entry.name)
                    elif reason:
                        skipped[entry.name] = reason
                elif entry.is_dir(follow_symlinks=False):
                    runs.append(entry.name)
    except OSError as error:
        raise UsageError(
            f"no runs found under {root}: {_reason(error)}; name the folder of runs with --runs-root"
        ) from None
    return Listing(tuple(sorted(runs)), dict(sorted(skipped.items())))


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _why_not(root: Path, link: Path) -> str | None:
    """Return why a link is not followed, None where it is a run, "" where it leads to no folder at all."""
    try:
        target = link.resolve(strict=True)
    except FileNotFoundError:
        return ""
    except (OSError, RuntimeError):
        return "a link in a circle: not followed"
    if not target.is_dir():
        return ""
    if root.is_relative_to(target):
        return "a link in a circle: not followed"
    return None if target.is_relative_to(root) else "a link that leads out of the runs root: not followed"


def find_run(root: Path, run_id: str) -> str:
    """Return the name of one run of a root. Raises UsageError where it is no plain name, or not there."""
    if run_id in ("", ".", "..") or "/" in run_id or "\0" in run_id or os.sep in run_id:
        raise UsageError(f"{run_id!r:.80} is no run id: name a folder directly under {root}")
    found = list_runs(root)
    if run_id in found.runs:
        return run_id
    why = found.skipped.get(run_id, "no such run")
    raise UsageError(f"{run_id!r:.80} under {root}: {why}; see what is there with `ls`")


def validate_run(root: Path, run: str, timestamp: str) -> Verdict:
    """Validate the artifacts of one run of a root (resolved). Never raises for what they hold."""
    # pydantic's 11 MB only where there is a run: the terminal imports this for its runtime and panes.
    from meshcore.runs.artifacts import gold_review, step_graph, trace_events
    from meshcore.runs.strict_yaml import parse_yaml

    check = _Check(root, root / run)
    graph = check.artifact(STEP_GRAPH, MAX_JSON_BYTES, parse_json, step_graph, odd_graph)
    events = check.artifact(TRACE_EVENTS, MAX_JSON_BYTES, parse_json, trace_events, _nothing_odd)
    review = check.artifact(GOLD_REVIEW, MAX_YAML_BYTES, parse_yaml, gold_review, odd_review)
    if not check.found:
        check.errors.append(f"none of {', '.join(ARTIFACTS)} is there")
    check.warnings += differing_runs(graph, events, review)
    return Verdict(run, str(root / run), tuple(check.errors), tuple(check.warnings), timestamp)


def _nothing_odd(_artifact: object) -> Iterator[str]:
    return iter(())


class _Check:
    """The findings of one run, artifact by artifact."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.found = False
        self._root = root
        self._folder = folder

    def artifact(
        self,
        name: str,
        limit: int,
        parse: Callable[[bytes], Read],
        check: Callable[[Json], T],
        odd: Callable[[T], Iterable[str]],
    ) -> T | None:
        """Read and check one artifact; None where it is missing or wrong."""
        try:
            data = read_bytes(self._folder / name, self._root, limit)
            if data is None:
                self.warnings.append(f"{name}: missing, not checked")
                return None
            self.found = True
            read = parse(data)
            self.warnings += (f"{name}: {text}" for text in read.warnings)
            valid = check(read.value)
        except ReadError as error:
            self.found = True
            self.errors.append(f"{name}: {error}")
        except FaultsError as error:
            self.errors += (f"{name}: {line}" for line in error.lines)
        else:
            self.warnings += (f"{name}: {text}" for text in islice(odd(valid), MAX_WARNINGS))
            return valid
        return None


def append_log(path: Path, verdicts: Iterable[Verdict], *, follow: bool = False) -> None:
    """Append one line for each verdict to the validation log, each in a single write. Raises OSError.

    A line of another writer that broke off is ended first. `follow` allows a link at that path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # O_NONBLOCK: a pipe that nobody reads is an error, not a wait.
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags, 0o644)
    try:
        wait_for_lock(descriptor)  # a write of another that is under way looks like one that broke off
        about = os.fstat(descriptor)
        broken = stat.S_ISREG(about.st_mode) and about.st_size and os.pread(descriptor, 1, about.st_size - 1) != b"\n"
        start = b"\n" if broken else b""
        for verdict in verdicts:
            os.write(descriptor, start + json.dumps(verdict.record()).encode("ascii") + b"\n")
            start = b""
    finally:
        os.close(descriptor)


def summary(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Return how many of how many passed."""
    statuses = [verdict.status for verdict in verdicts]
    return {"passed": statuses.count("passed"), "total": len(statuses)}
