"""`meshtui monitor`: how the mesh fares, once or at an interval, with the options of the old program."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from meshcore.clock import SystemClock
from meshcore.config import INTERVAL_SECONDS
from meshcore.errors import EXIT_FAILURE
from meshcore.evidence.monitor.checks import built_in
from meshcore.evidence.monitor.monitor import LOG_NAME, Options, SkillsFile, beats
from meshcore.home import Home
from meshcore.service.holding import holder
from meshcore.service.loops.monitor import monitor_pass
from meshtui.cli.context import Session, leave_on_signals, note, say, usable_interval


@click.command()
@click.option("--watch", is_flag=True, help="Go on at every interval instead of once.")
@click.option(
    "--interval",
    type=float,
    default=INTERVAL_SECONDS,
    metavar="SECONDS",
    help="Between two passes, at least 1 (default 300).",
)
@click.option(
    "--iterations", type=click.IntRange(min=0), default=0, metavar="N", help="Passes with --watch; 0: no end."
)
@click.option("--include-manifest", is_flag=True, help="Keep COLLECTIVE_LEARNING_MANIFEST.md and record its size.")
@click.option("--skip-tests", is_flag=True, help="Run no checks.")
@click.option("--show-output", is_flag=True, help="Print what the checks printed, too.")
@click.option("--log-file", metavar="FILE", help=f"Where records go (default {LOG_NAME} in the home).")
@click.pass_obj
def monitor(
    session: Session,
    watch: bool,
    interval: float,
    iterations: int,
    include_manifest: bool,
    skip_tests: bool,
    show_output: bool,
    log_file: str | None,
) -> int:
    """Record how the mesh fares: one JSON line per pass, printed and appended to the log.

    A pass counts skills, agents, deliveries, approvals and times to green, and runs the checks: two of its own, in
    throwaway folders, and those that `[[checks]]` in the configuration names. Exit 1 where a record could not be kept.
    """
    settings, clock = session.settings, SystemClock()
    home = Home(settings.home).create()
    options = Options(
        log=Path(log_file).expanduser().absolute() if log_file else home.root / LOG_NAME,
        checks=() if skip_tests else (*built_in(), *settings.checks),
        include_manifest=include_manifest,
    )
    all_kept, skills_file = True, SkillsFile(home.skills_file)
    with leave_on_signals():
        for gap in beats(clock, time.sleep, usable_interval("--interval", interval), iterations if watch else 1):
            if gap is not None:
                note(str(gap))
            catch_up = holder(home.runtime_lock) is None
            taken = monitor_pass(settings, options, clock, gap, catch_up=catch_up, skills_file=skills_file)
            for fault in taken.faults:
                note(fault)
            all_kept = all_kept and taken.kept
            print(json.dumps(taken.record, ensure_ascii=True), flush=True)
            if show_output:
                _show(taken.record["tests"])
    return 0 if all_kept else EXIT_FAILURE


def _show(tests: list[dict[str, str]]) -> None:
    for test in tests:
        say(f"{test['script']}: {test['status']}")
        for name in ("stdout", "stderr"):
            for line in test[name].splitlines():
                say(f"  {line}")
    sys.stdout.flush()
