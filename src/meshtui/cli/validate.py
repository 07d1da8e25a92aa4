"""`meshtui validate`: are the artifacts of the runs what they must be?"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from meshcore.clock import SystemClock
from meshcore.errors import EXIT_FAILURE, EXIT_OK, UsageError
from meshcore.runs.validate import (
    LOG_NAME,
    Listing,
    Verdict,
    append_log,
    find_run,
    list_runs,
    stamp,
    summary,
    validate_run,
)
from meshcore.runs.watching import MIN_INTERVAL, FolderChanges, keep_validating
from meshtui.cli.context import json_option, note, print_json, say

DEFAULT_ROOT = "workflow_results/runs"
PROGRESS_FROM = 20  # runs


@click.command()
@click.option("--runs-root", metavar="DIR", default=DEFAULT_ROOT, show_default=True, help="The folder of run folders.")
@click.option("--run-id", metavar="ID", help="Validate this run alone.")
@click.option(
    "--interval", metavar="SECONDS", type=float, default=300.0, show_default=True, help="Between full passes."
)
@click.option("--watch", is_flag=True, help="Go on: what changes at once, everything every --interval seconds.")
@click.option("--log-file", metavar="FILE", help=f"JSON lines, one a run (default {LOG_NAME} in the runs root).")
@click.option("--include-warnings", is_flag=True, help="List runs with warnings in the summary.")
@json_option
def validate(
    runs_root: str,
    run_id: str | None,
    interval: float,
    watch: bool,
    log_file: str | None,
    include_warnings: bool,
    as_json: bool,
) -> int:
    """Validate step_graph.json, trace_events.json and gold_review.yaml of every run; exit 1 where a run fails.

    With --watch it goes on until SIGINT or SIGTERM and then exits 0.
    """
    root = _root(runs_root)
    log = Path(log_file) if log_file else root / LOG_NAME
    # The default lies among files of others: there, a link is not followed.
    work = _Passes(root, log, run_id, follow=log_file is not None, include_warnings=include_warnings, as_json=as_json)
    if not watch:
        return work.once()
    if not interval >= MIN_INTERVAL:
        note(f"--interval {interval:g} is too short: raised to {MIN_INTERVAL:g} second")
        interval = MIN_INTERVAL
    with _stopped_by_signals() as stop:
        changes = FolderChanges(root, stop)
        changes.start()
        keep_validating(work.everything, work.some, changes, SystemClock(), interval)
    if not as_json:
        say("\nValidation loop interrupted by user.")
    return EXIT_OK


def _root(name: str) -> Path:
    try:
        return Path(name).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"{name!r:.80} is no folder ({error}); name another with --runs-root") from None


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Set an event on SIGINT and SIGTERM for a block."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Passes:
    """Passes over the runs of one root, printed and logged."""

    def __init__(
        self, root: Path, log: Path, run_id: str | None, *, follow: bool, include_warnings: bool, as_json: bool
    ) -> None:
        self._root = root
        self._log = log
        self._run_id = run_id
        self._follow = follow
        self._include_warnings = include_warnings
        self._as_json = as_json
        self._clock = SystemClock()
        self._said: set[str] = set()

    def once(self) -> int:
        """Validate everything once; return the exit code. Raises UsageError for a root or run that is not there."""
        verdicts, logged = self._pass(self._listing())
        failed = any(verdict.errors for verdict in verdicts)
        return EXIT_FAILURE if failed or not logged else EXIT_OK

    def everything(self) -> None:
        """Validate everything; a root that is not there is said, and may come."""
        try:
            listing = self._listing()
        except UsageError as error:
            self._note_once(str(error))
            return
        self._said.clear()
        self._pass(listing)

    def some(self, runs: frozenset[str]) -> None:
        """Validate those of the runs that are there."""
        try:
            there = self._listing().runs
        except UsageError:
            return
        if changed := tuple(run for run in there if run in runs):
            self._pass(Listing(changed))

    def _listing(self) -> Listing:
        if self._run_id is not None:
            return Listing((find_run(self._root, self._run_id),))
        return list_runs(self._root)

    def _pass(self, listing: Listing) -> tuple[list[Verdict], bool]:
        timestamp = stamp(self._clock)
        for name, reason in listing.skipped.items():
            note(f"{name!r:.80}: {reason}")
        found = (validate_run(self._root, run, timestamp) for run in listing.runs)
        verdicts = list(_with_progress(found, len(listing.runs)))
        logged = self._write(verdicts)
        if self._as_json:
            print_json("validation", _payload(timestamp, verdicts, listing))
        else:
            self._print(timestamp, verdicts)
        sys.stdout.flush()
        return verdicts, logged

    def _print(self, timestamp: str, verdicts: Sequence[Verdict]) -> None:
        if not verdicts:
            say(f"[{timestamp}] No runs found under {_plain(self._root)}")
            return
        for verdict in verdicts:
            say(f"[{timestamp}] {_plain(verdict.run)} -> {verdict.status.upper()}")
            for text in verdict.errors:
                say(f"  ✗ {_plain(text)}")
            for text in verdict.warnings:
                say(f"  ⚠ {_plain(text)}")
        counts = summary(verdicts)
        say(f"\n[{timestamp}] Validation summary: {counts['passed']}/{counts['total']} runs passed.")
        if failures := [verdict for verdict in verdicts if verdict.errors]:
            say("Failures:")
            for verdict in failures:
                say(f"- {_plain(verdict.run)}: see details above.")
        flagged = [verdict for verdict in verdicts if verdict.warnings and not verdict.errors]
        if self._include_warnings and flagged:
            say("Runs with warnings:")
            for verdict in flagged:
                say(f"- {_plain(verdict.run)}:")
                for text in verdict.warnings:
                    say(f"    {_plain(text)}")

    def _write(self, verdicts: Sequence[Verdict]) -> bool:
        try:
            if verdicts:
                append_log(self._log, verdicts, follow=self._follow)
        except OSError as error:
            self._note_once(f"{self._log}: the log was not written ({error.strerror}); name another with --log-file")
            return False
        return True

    def _note_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            note(text)


def _plain(text: object) -> str:
    from meshcore.safety.sanitize import visible

    return visible(str(text), keep_newlines=False)


def _payload(timestamp: str, verdicts: Sequence[Verdict], listing: Listing) -> dict[str, Any]:
    runs = [{**verdict.record(), "errors": list(verdict.errors)} for verdict in verdicts]
    return {"timestamp": timestamp, **summary(verdicts), "runs": runs, "skipped": listing.skipped}


def _with_progress(verdicts: Iterable[Verdict], total: int) -> Iterable[Verdict]:
    """Draw a bar on standard error while verdicts come, where that is a terminal and there are enough of them."""
    if total < PROGRESS_FROM or not sys.stderr.isatty():
        return verdicts
    from rich.console import Console
    from rich.progress import track

    return track(verdicts, "validating", total=total, console=Console(stderr=True), transient=True)
