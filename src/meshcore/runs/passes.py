"""Passes of validation over the runs of one root: everything, or what changed, each logged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from meshcore.clock import Clock
from meshcore.runs.validate import Listing, Verdict, append_log, find_run, list_runs, stamp, validate_run

DEFAULT_ROOT = "workflow_results/runs"

Progress = Callable[[Iterable[Verdict], int], Iterable[Verdict]]


def _no_progress(verdicts: Iterable[Verdict], _total: int) -> Iterable[Verdict]:
    return verdicts


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass found; `log_fault` says why its lines are not in the log, empty where they are."""

    timestamp: str
    verdicts: tuple[Verdict, ...]
    skipped: dict[str, str]
    full: bool
    log_fault: str = ""

    @property
    def failed(self) -> bool:
        return any(verdict.errors for verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class Passes:
    """Passes over the runs of a root (resolved), or over one of them; `follow` allows a link at the log's path."""

    root: Path
    log: Path
    clock: Clock
    run_id: str | None = None
    follow: bool = False
    progress: Progress = _no_progress

    def everything(self) -> Pass:
        """Validate everything. Raises UsageError for a root or run that is not there."""
        if self.run_id is not None:
            return self._pass(Listing((find_run(self.root, self.run_id),)), full=False)
        return self._pass(list_runs(self.root), full=True)

    def some(self, runs: Iterable[str]) -> Pass:
        """Validate those of the runs that are there; no verdict where none is. Raises UsageError for a missing root."""
        wanted = set(runs) if self.run_id is None else {self.run_id}.intersection(runs)
        there = list_runs(self.root).runs
        return self._pass(Listing(tuple(run for run in there if run in wanted)), full=False)

    def _pass(self, listing: Listing, *, full: bool) -> Pass:
        timestamp = stamp(self.clock)
        found = (validate_run(self.root, run, timestamp) for run in listing.runs)
        verdicts = tuple(self.progress(found, len(listing.runs)))
        fault = ""
        if verdicts:
            try:
                append_log(self.log, verdicts, follow=self.follow)
            except OSError as error:
                fault = f"{self.log}: the log was not written ({error.strerror}); name another with --log-file"
        return Pass(timestamp, verdicts, listing.skipped, full, fault)
