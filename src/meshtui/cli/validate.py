"""`meshtui validate`: are the artifacts of the runs what they must be?"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from meshcore.clock import SystemClock
from meshcore.config import INTERVAL_SECONDS, Settings
from meshcore.errors import EXIT_FAILURE, EXIT_OK, MeshError, UsageError
from meshcore.home import Home
from meshcore.runs.history import keep_results
from meshcore.runs.passes import DEFAULT_ROOT, Pass, Passes
from meshcore.runs.validate import LOG_NAME, Verdict, summary
from meshcore.runs.watching import FolderChanges, keep_validating
from meshcore.store.store import Store
from meshtui.cli.context import Session, folder_of, json_option, note, print_json, say, usable_interval

PROGRESS_FROM = 20  # runs


@click.command()
@click.option("--runs-root", metavar="DIR", default=DEFAULT_ROOT, show_default=True, help="The folder of run folders.")
@click.option("--run-id", metavar="ID", help="Validate this run alone.")
@click.option(
    "--interval",
    metavar="SECONDS",
    type=float,
    default=INTERVAL_SECONDS,
    show_default=True,
    help="Between full passes.",
)
@click.option("--watch", is_flag=True, help="Go on: what changes at once, everything every --interval seconds.")
@click.option("--log-file", metavar="FILE", help=f"JSON lines, one a run (default {LOG_NAME} in the runs root).")
@click.option("--include-warnings", is_flag=True, help="List runs with warnings in the summary.")
@json_option
@click.pass_obj
def validate(
    session: Session,
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
    root = folder_of("--runs-root", runs_root)
    log = Path(log_file) if log_file else root / LOG_NAME
    # The default lies among files of others: there, a link is not followed.
    passes = Passes(root, log, SystemClock(), run_id, follow=log_file is not None, progress=_with_progress)
    work = _Printed(passes, session.settings, include_warnings=include_warnings, as_json=as_json)
    if not watch:
        return work.once()
    interval = usable_interval("--interval", interval)
    with _stopped_by_signals() as stop:
        changes = FolderChanges(root, stop)
        changes.start()
        keep_validating(work.everything, work.some, changes, SystemClock(), interval)
    if not as_json:
        say("\nValidation loop interrupted by user.")
    return EXIT_OK


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


class _Printed:
    """Passes that are printed, and kept in the store of the home where there is one."""

    def __init__(self, passes: Passes, settings: Settings, *, include_warnings: bool, as_json: bool) -> None:
        self._passes = passes
        self._settings = settings
        self._include_warnings = include_warnings
        self._as_json = as_json
        self._said: set[str] = set()

    def once(self) -> int:
        """Validate everything once; return the exit code. Raises UsageError for a root or run that is not there."""
        done = self._passes.everything()
        self._tell(done)
        return EXIT_FAILURE if done.failed or done.log_fault else EXIT_OK

    def everything(self) -> None:
        """Validate everything; a root that is not there is said, and may come."""
        try:
            done = self._passes.everything()
        except UsageError as error:
            self._note_once(str(error))
            return
        self._said.clear()
        self._tell(done)

    def some(self, runs: frozenset[str]) -> None:
        """Validate those of the runs that are there."""
        with suppress(UsageError):
            if (done := self._passes.some(runs)).verdicts:
                self._tell(done)

    def _tell(self, done: Pass) -> None:
        for name, reason in done.skipped.items():
            note(f"{name!r:.80}: {reason}")
        if done.log_fault:
            self._note_once(done.log_fault)
        if self._as_json:
            print_json("validation", _payload(done))
        else:
            self._print(done.timestamp, done.verdicts)
        sys.stdout.flush()
        self._keep(done)

    def _keep(self, done: Pass) -> None:
        path = Home(self._settings.home).store
        if not done.verdicts or not path.is_file():
            return
        try:
            with closing(Store(path)) as store:
                keep_results(store, done.verdicts, root=self._passes.root, full=done.full)
        except MeshError as error:
            self._note_once(f"{error}; the results are in the log only")

    def _print(self, timestamp: str, verdicts: Sequence[Verdict]) -> None:
        if not verdicts:
            say(f"[{timestamp}] No runs found under {_plain(self._passes.root)}")
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

    def _note_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            note(text)


def _plain(text: object) -> str:
    from meshcore.safety.visible_text import visible

    return visible(str(text), keep_newlines=False)


def _payload(done: Pass) -> dict[str, Any]:
    runs = [{**verdict.record(), "errors": list(verdict.errors)} for verdict in done.verdicts]
    return {"timestamp": done.timestamp, **summary(done.verdicts), "runs": runs, "skipped": done.skipped}


def _with_progress(verdicts: Iterable[Verdict], total: int) -> Iterable[Verdict]:
    """Draw a bar on standard error while verdicts come, where that is a terminal and there are enough of them."""
    if total < PROGRESS_FROM or not sys.stderr.isatty():
        return verdicts
    from rich.console import Console
    from rich.progress import track

    return track(verdicts, "validating", total=total, console=Console(stderr=True), transient=True)
